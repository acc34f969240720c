/** The settings of every program: name, address and admin port, log. */
import { hostname } from 'node:os';
import { DEFAULT, ENV, PORT } from '../contract.ts';
import { listenAddress } from './config.ts';
import { LOG_LEVELS } from './log.ts';

export const programSettings = {
  podName: {
    doc: 'Name of this process in sessions, registrations and logs; each start adds a unique suffix.',
    format: String,
    default: hostname(),
    env: ENV.podName,
  },
  host: {
    doc: 'Address of this process. It listens on all addresses, but for a loopback address on that one only.',
    format: listenAddress,
    default: '0.0.0.0',
    env: ENV.podIp,
  },
  adminPort: {
    doc: 'Port for health, readiness and metrics.',
    format: 'port',
    default: PORT.admin,
    env: ENV.adminPort,
  },
  adminTokenFile: {
    doc: 'File with the bearer token of the admin port; it is read again when it changes. Empty: paths that need a token are not served. Health is always open.',
    format: String,
    default: '',
    env: ENV.adminTokenFile,
  },
  adminMetricsToken: {
    doc: 'Whether metrics need the token too.',
    format: Boolean,
    default: false,
    env: ENV.adminMetricsToken,
  },
  logLevel: {
    doc: 'debug, info, warn, error or silent.',
    format: [...LOG_LEVELS],
    default: DEFAULT.logLevel,
    env: ENV.logLevel,
    live: true,
  },
  settingsFolder: {
    doc: 'Folder with a file for each live variable that is to change while the program runs: its name is that of the variable, its text the value. It is read every second; a file wins over the variable. Empty: nothing changes.',
    format: String,
    default: '',
    env: ENV.settingsFolder,
  },
} as const;

/** Who may ask the admin port for what, as AdminOptions takes it. */
export function readAdminAccess(settings: {
  readonly adminTokenFile: string;
  readonly adminMetricsToken: boolean;
}): { readonly tokenFile: string; readonly metricsNeedToken: boolean } {
  return { tokenFile: settings.adminTokenFile, metricsNeedToken: settings.adminMetricsToken };
}
