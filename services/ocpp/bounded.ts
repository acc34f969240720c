/**
 * Cuts a payload before its repair. To find all faults costs the square of their number: one message of 200 kB would
 * block a processor for many seconds.
 */

/** No OCPP schema nests half as deep. */
const DEEPEST = 32;
/** Most elements of one list: the first and the newest are kept. */
const MOST_OF_LIST = 300;
const FIRST_OF_LIST = 20;
/** Most elements of all lists together. */
const MOST = 1000;

export interface Bounded {
  readonly payload: object;
  /** Something was dropped. */
  readonly isCut: boolean;
}

/** A copy without the parts beyond the limits. */
export function bounded(payload: unknown): Bounded {
  const copier = new Copier();
  return { payload: copier.copy(payload, 0) as object, isCut: copier.isCut };
}

class Copier {
  isCut = false;
  #left = MOST;

  copy(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= DEEPEST) {
      this.isCut = true;
      return null;
    }
    if (Array.isArray(value)) return this.#list(value, depth);
    const members = Object.entries(value).map(([name, one]) => [name, this.copy(one, depth + 1)] as const);
    return Object.fromEntries(members);
  }

  /** From the end, so that the newest elements remain when the rest is cut. */
  #list(list: readonly unknown[], depth: number): unknown[] {
    const wanted =
      list.length <= MOST_OF_LIST
        ? list
        : [...list.slice(0, FIRST_OF_LIST), ...list.slice(FIRST_OF_LIST - MOST_OF_LIST)];
    const kept: unknown[] = [];
    for (let i = wanted.length - 1; i >= 0 && this.#left > 0; i--) {
      this.#left--;
      kept.push(this.copy(wanted[i], depth + 1));
    }
    if (kept.length < list.length) this.isCut = true;
    return kept.toReversed();
  }
}
