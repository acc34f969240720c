/**
 * Watches how full Redis is. A full Redis refuses every write but those that make room (claim, acknowledge, reclaim). Well
 * before that no further stations are admitted, which leaves room for the frames of those that are connected.
 */
import { TransportError } from '../../errors.ts';
import type { RedisConnection } from './connection.ts';

/** Pause between two readings; ms. */
const READ_MS = 2000;
/** Shares of maxmemory: nearly full from the first on, until it is below the second. */
const FULL = 0.85;
const ROOM_AGAIN = 0.8;

export class MemoryGuard {
  readonly #commands: RedisConnection;
  readonly #onError: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #share: number | undefined;
  #full = false;
  #failed = false;

  constructor(commands: RedisConnection, onError: (error: Error) => void) {
    this.#commands = commands;
    this.#onError = onError;
  }

  /** Of maxmemory, at the last reading; undefined when Redis has no such limit, or does not say. */
  get share(): number | undefined {
    return this.#share;
  }

  get full(): boolean {
    return this.#full;
  }

  start(): void {
    void this.#read();
    this.#timer = setInterval(() => void this.#read(), READ_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    // While Redis is away the last reading counts; no station is admitted then anyway.
    if (this.#commands.status !== 'ready') return;
    try {
      this.#share = await memoryShare(this.#commands);
      this.#full = (this.#share ?? 0) >= (this.#full ? ROOM_AGAIN : FULL);
      this.#failed = false;
    } catch (error) {
      const why = `the memory use of Redis cannot be read: ${(error as Error).message}`;
      if (!this.#failed) this.#onError(new TransportError('store-unavailable', why, { cause: error }));
      this.#failed = true;
    }
  }
}

/** Share of maxmemory that Redis uses; undefined when it has no such limit. */
export const memoryShare = async (connection: RedisConnection): Promise<number | undefined> =>
  shareOf(await connection.info('memory'));

/** From the text of INFO memory. Buffers of replicas and of the file do not count against maxmemory. */
function shareOf(info: string): number | undefined {
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  const limit = field('maxmemory');
  const used = field('used_memory') - (field('mem_not_counted_for_evict') || 0);
  return limit > 0 && used >= 0 ? used / limit : undefined;
}
