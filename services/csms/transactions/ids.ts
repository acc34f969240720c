/**
 * Transaction ids for OCPP 1.6, where the central system assigns them: positive, at most 2^31 - 1 (firmware keeps them in
 * 32 signed bits), and unique across all processors of the cluster.
 *
 * They come from one counter in the store, in prefetched blocks, so that StartTransaction needs no round trip of its own.
 * The remaining ids of a stopped processor are never used.
 */
import type { Clock } from '../../runtime/clock.ts';
import type { StateReader } from '../../transport/stored-state.ts';

const COUNTER = 'transaction';
const BLOCK = 100;
const LARGEST = 2 ** 31 - 1;

const FLOOR_EPOCH = Date.UTC(2025, 0, 1);
const FLOOR_PER_SECOND = 4;

export interface TransactionIds {
  /** Rejects as the store does if no id is left and none can be fetched. */
  next(): Promise<number>;
}

/**
 * The lowest number that may be assigned at `now`: four for every second since 2025. A store that lost its data starts
 * above all assigned ids, if the network started fewer than four transactions a second (345 600 a day) since then. The
 * floor reaches 2^31 in January 2042; higher numbers wrap around, to ids whose transactions are 17 years old.
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
    // A processor that outlives the store's data raises the new counter above the ids that it knows.
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
          // The next call retries a failed fetch; only an empty stock waits for it.
          if (left() < BLOCK / 2) void fetchBlock().catch(() => undefined);
          return id;
        }
        await fetchBlock();
      }
    },
  };
}
