/**
 * How full Redis is. When it is full it refuses every write but those that make room (take, finish, rescue). Before it
 * comes to that, no further stations are let in: what those that are here send then has its place.
 */
import { TransportError } from '../../errors.ts';
import type { RedisConnection } from './connection.ts';

/** Pause between two looks; ms. */
const LOOK_MS = 2000;
/** Shares of maxmemory: nearly full from the one on, until it is below the other. */
const FULL = 0.85;
const ROOM_AGAIN = 0.8;

export class StoreMemory {
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

  /** Of maxmemory, at the last look; undefined when Redis has no such limit, or does not say. */
  get share(): number | undefined {
    return this.#share;
  }

  get full(): boolean {
    return this.#full;
  }

  start(): void {
    void this.#look();
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // While it is away nobody is let in for that; what was known stays.
    if (this.#commands.status !== 'ready') return;
    try {
      this.#share = shareOf(await this.#commands.info('memory'));
      this.#full = (this.#share ?? 0) >= (this.#full ? ROOM_AGAIN : FULL);
      this.#failed = false;
    } catch (error) {
      const why = `how full Redis is cannot be read: ${(error as Error).message}`;
      if (!this.#failed) this.#onError(new TransportError('store-unavailable', why, { cause: error }));
      this.#failed = true;
    }
  }
}

/** From the text of INFO memory. Buffers of replicas and of the file do not count against maxmemory. */
function shareOf(info: string): number | undefined {
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  const most = field('maxmemory');
  const used = field('used_memory') - (field('mem_not_counted_for_evict') || 0);
  return most > 0 && used >= 0 ? used / most : undefined;
}
