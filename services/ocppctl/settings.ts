/** The environment of ocppctl, read through services/runtime/config.ts as every program does. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../runtime/config.ts';
import { usageError } from './exit.ts';

const settings = {
  url: { doc: 'Address of the API.', format: String, default: '', env: 'OCPPCTL_URL' },
  token: { doc: 'Token of the API.', format: String, default: '', env: 'OCPPCTL_TOKEN', sensitive: true },
  configHome: { doc: 'Folder of configurations.', format: String, default: '', env: 'XDG_CONFIG_HOME' },
} as const;

export interface Settings {
  /** Empty: not set. */
  readonly url: string;
  readonly token: string;
  readonly configFile: string;
}

/** @throws ExitError */
export function readEnvironment(): Settings {
  const { values, problems } = readSettings(settings);
  if (problems.length > 0) throw usageError(problems.join('; '));
  const { url, token, configHome } = values;
  const home = configHome === '' ? join(homedir(), '.config') : configHome;
  return { url, token: token.trim(), configFile: join(home, 'ocppctl', 'config.json') };
}
