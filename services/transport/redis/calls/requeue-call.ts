import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./requeue-call.lua', import.meta.url));

export interface RequeueCall {
  readonly messageId: string;
  /** Of the connection on which it counts as sent. */
  readonly epoch: number;
}

export async function requeueCall(
  connection: RedisConnection,
  keys: Keys,
  { messageId, epoch }: RequeueCall,
): Promise<void> {
  await script(connection, [keys.call(messageId)], [keys.prefix, messageId, epoch]);
}
