/** The settings of every program: name, address and admin port, log. */
import { hostname } from 'node:os';
import { ENV, PORT } from '../contract.ts';
import { LOG_LEVELS } from './log.ts';

export const programSettings = {
  podName: {
    doc: 'Name of this process in sessions, registrations and logs; each start adds a unique suffix.',
    format: String,
    default: hostname(),
    env: ENV.podName,
  },
  host: { doc: 'Address to listen on.', format: String, default: '0.0.0.0', env: ENV.podIp },
  adminPort: {
    doc: 'Port for health, readiness and metrics.',
    format: 'port',
    default: PORT.admin,
    env: ENV.adminPort,
  },
  logLevel: {
    doc: 'debug, info, warn, error or silent.',
    format: [...LOG_LEVELS],
    default: 'info',
    env: ENV.logLevel,
  },
} as const;
