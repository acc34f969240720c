/** Lists of stored state and the marker of the data, for a program that is no process of the cluster and outlives its Redis. */
import type { StoredLists } from '../../stored-lists.ts';
import { openConnection, type RedisSettings, unavailable } from '../connection/connection.ts';
import { Readers } from '../connection/readers.ts';
import type { Keys } from '../keys.ts';
import { RedisLists } from './lists.ts';

/** Which data Redis has, and whose. */
export interface DataMarker {
  /** Random: other data have another id. */
  readonly id: string;
  /** `namespace/name/uid` of the cluster that owns them; undefined where its processes have no such name. */
  readonly cluster: string | undefined;
}

export interface OpenLists {
  readonly lists: StoredLists;
  /** Undefined before a process of the cluster has used Redis. Rejects with `store-unavailable`. */
  marker(): Promise<DataMarker | undefined>;
  close(): void;
}

/** Returns at once; operations reject with `store-unavailable` while Redis is away. */
export function openLists(redis: RedisSettings, keys: Keys, onError: (error: Error) => void): OpenLists {
  const commands = openConnection(redis, 'commands', onError);
  const readers = new Readers(commands, () => commands, 0);
  const lists = new RedisLists({ redis, keys, readers, onError });
  return {
    lists,
    async marker() {
      const [id, cluster] = await commands.hmget(keys.store, 'id', 'cluster').catch((error: unknown) => {
        throw unavailable(redis.addr, error);
      });
      return typeof id === 'string' ? { id, cluster: cluster ?? undefined } : undefined;
    },
    close() {
      lists.close();
      readers.close();
      commands.disconnect();
    },
  };
}
