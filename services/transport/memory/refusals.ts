/** Refused handshakes in this process: the same rules as redis/session/note-refusals.lua, over a map. */
import type { Clock } from '../../runtime/clock.ts';
import {
  type KeptRefusal,
  type NotedRefusal,
  REFUSAL_KEPT_MS,
  REFUSAL_SPARED_MS,
  REFUSALS_KEPT,
} from '../watch/refused-handshakes.ts';

interface Kept extends Omit<KeptRefusal, 'first' | 'last'> {
  /** ms since 1970 */
  readonly first: number;
  readonly last: number;
}

export class MemoryRefusals {
  readonly #clock: Clock;
  readonly #isKnown: (identity: string) => Promise<boolean>;
  /** By reason and identity, the one that was refused longest ago first. */
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock, isKnown: (identity: string) => Promise<boolean>) {
    this.#clock = clock;
    this.#isKnown = isKnown;
  }

  async note(refusals: readonly NotedRefusal[]): Promise<void> {
    for (const refusal of refusals) this.#note(refusal, await this.#isKnown(refusal.identity));
  }

  list(): readonly KeptRefusal[] {
    const now = this.#clock.now();
    const iso = (ms: number) => new Date(ms).toISOString();
    return [...this.#kept.values()]
      .filter(({ last }) => last > now - REFUSAL_KEPT_MS)
      .map(({ first, last, ...facts }) => Object.assign(facts, { first: iso(first), last: iso(last) }))
      .toReversed();
  }

  #note(refusal: NotedRefusal, known: boolean): void {
    const now = this.#clock.now();
    const field = `${refusal.code} ${refusal.identity}`;
    const before = this.#kept.get(field);
    this.#kept.delete(field);
    if (before?.known !== known && !this.#hasRoom(known, now)) return;
    const count = refusal.count + (before?.count ?? 0);
    this.#kept.set(field, { ...refusal, known, first: before?.first ?? now, last: now, count });
  }

  #hasRoom(known: boolean, now: number): boolean {
    const room = [...this.#kept].filter(([, one]) => one.known === known);
    const [oldest] = room;
    if (oldest === undefined || room.length < REFUSALS_KEPT) return true;
    const [field, { last }] = oldest;
    return last <= now - REFUSAL_SPARED_MS && this.#kept.delete(field);
  }
}
