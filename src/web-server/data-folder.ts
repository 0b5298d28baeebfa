/** Where the inventory is kept when no folder is named: the place that the system has for it. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const FOLDER = 'vmq-console';

/** The folder need not exist yet. */
export function defaultDataFolder(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (platform === 'win32') {
    return join(environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), FOLDER);
  }
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', FOLDER);
  const data = environment['XDG_DATA_HOME'] ?? '';
  // The XDG base directory specification says that relative paths are to be ignored.
  return join(isAbsolute(data) ? data : join(homedir(), '.local', 'share'), FOLDER);
}
