/** The station listeners from the environment: one by port and path, further ones as a list. */
import { ENV } from '../contract.ts';
import { ConfigError } from '../runtime/config.ts';
import type { StationListener } from '../station-server/listeners.ts';
import type { ProxySettings } from './config.ts';

/** @throws ConfigError for an item that is not `<port><path>`, and for a duplicate port */
export function readListeners(
  settings: Pick<ProxySettings, 'stationPort' | 'stationPath' | 'listeners'>,
): StationListener[] {
  const further = settings.listeners
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map(readListener);
  const all = [{ port: settings.stationPort, path: settings.stationPath }, ...further];
  const doubled = all.find(({ port }, index) => all.findIndex((one) => one.port === port) !== index);
  if (doubled !== undefined && doubled.port !== 0) {
    throw new ConfigError(`${ENV.listeners}: port ${doubled.port} is used twice`);
  }
  return all;
}

function readListener(item: string): StationListener {
  const [, digits = '', path = ''] = /^(\d{1,5})(\/.*)$/.exec(item) ?? [];
  const port = Number(digits);
  if (path !== '' && port <= 65_535) return { port, path };
  throw new ConfigError(`${ENV.listeners}: "${item}" is not a port with a path, such as 9001/v16`);
}
