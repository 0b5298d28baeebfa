/** The application's menu: the usual roles of each system, and light or dark. */
import { app, Menu, nativeTheme, type MenuItemConstructorOptions } from 'electron';
import { THEMES, type Theme } from './window-state';

const THEME_LABELS: Readonly<Record<Theme, string>> = {
  system: 'As the system',
  light: 'Light',
  dark: 'Dark',
};

/** Installs the menu; `onTheme` is called when another theme is chosen. */
export function installMenu(onTheme: (theme: Theme) => void): void {
  const template: MenuItemConstructorOptions[] = [
    { role: 'fileMenu' },
    { role: 'editMenu' },
    { label: 'View', submenu: viewItems(onTheme) },
    { role: 'windowMenu' },
  ];
  if (process.platform === 'darwin') template.unshift({ role: 'appMenu' });
  else template.push({ role: 'help', submenu: [{ role: 'about' }] });
  app.setAboutPanelOptions({
    applicationName: 'VMQ Console',
    applicationVersion: app.getVersion(),
  });
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}

function viewItems(onTheme: (theme: Theme) => void): MenuItemConstructorOptions[] {
  return [
    { label: 'Theme', submenu: THEMES.map((theme) => themeItem(theme, onTheme)) },
    { type: 'separator' },
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    { role: 'togglefullscreen' },
    { type: 'separator' },
    { role: 'reload' },
    { role: 'toggleDevTools' },
  ];
}

function themeItem(theme: Theme, onTheme: (theme: Theme) => void): MenuItemConstructorOptions {
  return {
    label: THEME_LABELS[theme],
    type: 'radio',
    checked: nativeTheme.themeSource === theme,
    click: () => onTheme(theme),
  };
}
