import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./drop-responses.lua', import.meta.url));

export interface DropResponses {
  readonly proxyId: string;
  readonly stationId: string;
  readonly epoch: number;
}

export async function dropResponses(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, stationId, epoch }: DropResponses,
): Promise<void> {
  const names = [keys.process(proxyId), keys.session(stationId), keys.responses(stationId)];
  await script(connection, names, [epoch]);
}
