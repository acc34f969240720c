/**
 * Transaction ids for OCPP 1.6, where the central system gives them: positive, at most 2^31 - 1
 * (firmware keeps them in 32 signed bits), never given twice by any processor of the cluster.
 *
 * They come from one counter in the store, in blocks that are fetched ahead, so that StartTransaction
 * does not wait for a round trip of its own. What a stopping processor has left is never used.
 */
import type { Clock } from '../../runtime/clock.ts';
import type { StateReader } from '../../transport/stored-state.ts';

const COUNTER = 'transaction';
const BLOCK = 100;
const LARGEST = 2 ** 31 - 1;

const FLOOR_EPOCH = Date.UTC(2025, 0, 1);
const FLOOR_PER_SECOND = 4;

export interface TransactionIds {
  /** Rejects as the store does when no id is left here and none can be fetched. */
  next(): Promise<number>;
}

/**
 * The least number that may be given at `now`: four for every second since 2025. A store that lost its
 * data starts above all ids given before, as long as the network has started less than four
 * transactions a second (345 600 a day) since then. The floor reaches 2^31 in January 2042; numbers
 * beyond wrap around, to ids whose transactions are 17 years old.
 */
export function idFloor(now: number): number {
  return Math.max(1, Math.floor(((now - FLOOR_EPOCH) / 1000) * FLOOR_PER_SECOND));
}

/** The counter's numbers as ids: 1 … 2^31 - 1, then 1 again. */
export function idOf(number: number): number {
  return ((number - 1) % LARGEST) + 1;
}

export function createTransactionIds(state: Pick<StateReader, 'reserve'>, clock: Clock): TransactionIds {
  const blocks: { next: number; readonly end: number }[] = [];
  let highest = 0;
  let fetching: Promise<void> | undefined;

  const fetchBlock = (): Promise<void> => {
    // A processor that outlives the store's data lifts the new counter above what it has seen itself.
    const floor = Math.max(idFloor(clock.now()), highest + 1);
    fetching ??= state
      .reserve(COUNTER, BLOCK, floor)
      .then((first) => {
        blocks.push({ next: first, end: first + BLOCK });
        highest = first + BLOCK - 1;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };
  const take = (): number | undefined => {
    while (blocks[0] !== undefined && blocks[0].next === blocks[0].end) blocks.shift();
    const block = blocks[0];
    if (block === undefined) return undefined;
    const number = block.next++;
    return idOf(number);
  };
  const left = () => blocks.reduce((sum, block) => sum + block.end - block.next, 0);

  return {
    async next() {
      for (;;) {
        const id = take();
        if (id !== undefined) {
          // A fetch that fails here is tried again by the next call; only an empty stock waits for it.
          if (left() < BLOCK / 2) void fetchBlock().catch(() => undefined);
          return id;
        }
        await fetchBlock();
      }
    },
  };
}
