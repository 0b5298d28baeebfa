/**
 * Ends the lab before the application: hosts stop in order and the data folder is released. A lab
 * that hangs is left behind after a while; its processes end with this one.
 */
import { app } from 'electron';
import { log } from './log';

/** Longest time that the lab may take to close. */
const CLOSE_DEADLINE_MS = 10_000;

/** Runs `close` once before the application quits, however it is asked to. */
export function quitInOrder(close: () => Promise<void>): void {
  let state: 'running' | 'closing' | 'closed' = 'running';
  const finish = (): void => {
    state = 'closed';
    app.quit();
  };
  app.on('before-quit', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    if (state === 'closing') return;
    state = 'closing';
    setTimeout(() => app.exit(1), CLOSE_DEADLINE_MS);
    close().then(finish, (error: unknown) => {
      log.error({ err: error }, 'the lab could not be closed in order');
      finish();
    });
  });
  app.on('window-all-closed', () => app.quit());
}
