/**
 * Older events, backwards. The API lists events from the oldest on, and the id of an event, `<ms>-<number>`, is a cursor. So a span of time
 * before the known ones is read, which grows while it has few events and shrinks while it has too many.
 */
import type { components } from '../api/openapi.generated.ts';

type NetworkEvent = components['schemas']['NetworkEvent'];

export interface Read {
  readonly items: readonly NetworkEvent[];
  /** Cursor of the last event that was examined. */
  readonly next: string;
}

/** @param after exclusive; undefined: from the oldest one that is kept */
export type ReadEvents = (after: string | undefined) => Promise<Read>;

export interface Older {
  /** The newest first. */
  readonly items: readonly NetworkEvent[];
  /** Events after this id were examined; undefined: none is older. */
  readonly from: string | undefined;
  /** To begin with the next time; ms. */
  readonly span: number;
}

/** ms */
export const FIRST_SPAN = 600_000;
const LONGEST_SPAN = 40 * 86_400_000;
const SHORTEST_SPAN = 250;
/** Events that are enough for one step. */
const ENOUGH = 100;
/** Requests for one span; for the shortest one, which no shorter one can replace, as many as all events need. */
const REQUESTS = 8;
const MOST_REQUESTS = 120;
/** No event has this number: an id with it is between two moments. */
const BETWEEN = 999_999_999_999_999;
/** Spans that are tried in one step. */
const TRIES = 12;

/** Milliseconds and number of an id. */
function partsOf(id: string): readonly [number, number] {
  const [ms = 0, number = 0] = id.split('-').map(Number);
  return [ms, number];
}

/** Whether an id is before another one. */
export function isBefore(a: string, b: string): boolean {
  const [[ms, number], [otherMs, otherNumber]] = [partsOf(a), partsOf(b)];
  return ms === otherMs ? number < otherNumber : ms < otherMs;
}

/**
 * @param before events before this id @param span what the last step ended with
 * @param oldest id of the oldest event that is kept; undefined: there is none
 */
export async function readOlder(
  readEvents: ReadEvents,
  before: string,
  span: number,
  oldest: string | undefined,
): Promise<Older> {
  let [end, width] = [before, span];
  const items: NetworkEvent[] = [];
  for (let tried = 0; tried < TRIES && items.length < ENOUGH; tried++) {
    const from = `${Math.max(0, Math.floor(partsOf(end)[0] - width))}-${BETWEEN}`;
    const isOldest = oldest === undefined || isBefore(from, oldest);
    const requests = width > SHORTEST_SPAN ? REQUESTS : MOST_REQUESTS;
    const found = await readSpan(readEvents, isOldest ? undefined : from, end, requests);
    if (found === undefined) {
      width = Math.max(SHORTEST_SPAN, width / 8);
      continue;
    }
    items.push(...found);
    if (isOldest) return { items, from: undefined, span: width };
    end = from;
    if (found.length < ENOUGH) width = Math.min(LONGEST_SPAN, width * 4);
  }
  return { items, from: end, span: width };
}

/** @returns the newest first; undefined where there are too many */
async function readSpan(
  readEvents: ReadEvents,
  from: string | undefined,
  before: string,
  requests: number,
): Promise<readonly NetworkEvent[] | undefined> {
  let after = from;
  const items: NetworkEvent[] = [];
  for (let request = 0; request < requests; request++) {
    const page: Read = await readEvents(after);
    items.push(...page.items.filter(({ id }) => isBefore(id, before)));
    if (page.next === (after ?? '0-0') || !isBefore(page.next, before)) return items.toReversed();
    after = page.next;
  }
  return undefined;
}
