import { formatFrame, type Frame } from '../../../ocpp/frame.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./write-to-station.lua', import.meta.url));

const LONGEST_OUTBOX = 100_000;

export interface WriteToStation {
  readonly stationId: string;
  readonly frame: Frame;
}

export type Written = 'queued' | 'offline' | 'full';

export async function writeToStation(
  connection: RedisConnection,
  keys: Keys,
  { stationId, frame }: WriteToStation,
): Promise<Written> {
  const entry = ` ${frame.type} ${JSON.stringify(frame.id)}\n${formatFrame(frame)}`;
  const args = [keys.prefix, entry, LONGEST_OUTBOX];
  const reply = await script(connection, [keys.session(stationId)], args);
  return reply === 1 ? 'queued' : reply === 0 ? 'offline' : 'full';
}
