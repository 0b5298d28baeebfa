/**
 * What the page must not do: leave its address, open windows, embed others, or ask the system for
 * anything. Electron allows most of it unless told otherwise.
 */
import { app, type Session, type WebContents } from 'electron';

/** Writing text to the clipboard, which Chromium lets a page do only on a click or a key. */
const COPYING = 'clipboard-sanitized-write';

/** Denies every permission but copying, whether it is asked for or only looked up. */
export function denyPermissions(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, answer) =>
    answer(permission === COPYING),
  );
  session.setPermissionCheckHandler((_contents, permission) => permission === COPYING);
  session.setDevicePermissionHandler(() => false);
}

/** Keeps every page of the application, also ones that should not exist, where it is. */
export function confinePages(): void {
  app.on('web-contents-created', (_event, contents) => confine(contents));
}

function confine(contents: WebContents): void {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}
