/** The load of the queue, for metrics and autoscaling. */
import type { TransportLoad } from '../../load.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { timeOf } from './envelope.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<[number, number, number, number, ...string[]]>(
  new URL('./queue-load.lua', import.meta.url),
);

export async function queueLoad(connection: RedisConnection, keys: Keys): Promise<TransportLoad> {
  const lists = [keys.requests, keys.reclaimed, keys.members('processor')];
  const names = [...lists, keys.deadLetters, keys.callDeadlines];
  const [depth, inFlight, deadLetters, openCalls, ...oldest] = await script(connection, names, [keys.prefix]);
  const times = oldest.map(timeOf).filter((time) => time !== undefined);
  const oldestSeconds = times.length === 0 ? 0 : Math.max(0, (Date.now() - Math.min(...times)) / 1000);
  return { depth, oldestSeconds, inFlight, deadLetters, openCalls };
}
