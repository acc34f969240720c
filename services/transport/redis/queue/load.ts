/** The queue in figures, for metrics and autoscaling. */
import type { TransportLoad } from '../../transport.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { timeOf } from './envelope.ts';
import type { Keys } from '../keys.ts';

export async function readLoad(commands: RedisConnection, keys: Keys): Promise<TransportLoad> {
  const [depth, inFlight, one, other, deadLetters, openCalls] = await commands.queueLoad(
    keys.requests,
    keys.rescued,
    keys.members('processor'),
    keys.deadLetters,
    keys.callDeadlines,
    keys.prefix,
  );
  const times = [one, other].map(timeOf).filter((time) => time !== undefined);
  const oldestSeconds = times.length === 0 ? 0 : Math.max(0, (Date.now() - Math.min(...times)) / 1000);
  return { depth, oldestSeconds, inFlight, deadLetters, openCalls };
}
