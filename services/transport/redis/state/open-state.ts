/** Stored state, and calls to stations, for a program that is no process of the cluster. */
import { RedisCalls } from '../calls/station-calls.ts';
import { openReady, type RedisSettings } from '../connection/connection.ts';
import { Readers } from '../connection/readers.ts';
import type { Keys } from '../keys.ts';
import { RedisState } from './state-reader.ts';

export interface OpenState extends AsyncDisposable {
  readonly state: RedisState;
  readonly calls: RedisCalls;
}

/** Rejects with `store-unavailable` when Redis does not respond within the client time-out. */
export async function openState(redis: RedisSettings, keys: Keys): Promise<OpenState> {
  const onError = () => undefined;
  const commands = await openReady(redis, onError);
  const readers = new Readers(commands, () => commands, 0);
  const state = new RedisState({ commands, keys, addr: redis.addr }, readers, redis, keys);
  const calls = new RedisCalls({ redis, keys, commands, onError });
  return {
    state,
    calls,
    async [Symbol.asyncDispose]() {
      calls.stop();
      readers.close();
      commands.disconnect();
    },
  };
}
