/**
 * The entries in flight in this process: claimed, and not settled (acknowledged, requeued or dead-lettered). A generation is
 * one registration of the process. When it is lost, its entries belong to other processes, and what happens to them here
 * counts no more.
 */

import type { DeliveryTrace } from '../../../runtime/tracing/tracing.ts';

/** One claimed entry. */
export interface Claimed {
  /** Delivery tag: the number of the entry in the hash of its process. */
  readonly tag: string;
  readonly generation: number;
  /** As it was handed out. */
  readonly raw: string;
  /** Of a CALL that is traced. */
  trace?: DeliveryTrace | undefined;
}

export class InFlight {
  readonly #most: number;
  #generation = 0;
  #tags = new Set<string>();
  /** What is in flight was reclaimed from a dead process, and may end this one: nothing else is claimed beside it. */
  #exclusive = false;
  #changed: (() => void) | undefined;

  /** @param most entries in flight at a time */
  constructor(most: number) {
    this.#most = most;
  }

  get generation(): number {
    return this.#generation;
  }

  get size(): number {
    return this.#tags.size;
  }

  /** How many entries may be claimed now. */
  get room(): number {
    if (this.#exclusive && this.#tags.size > 0) return 0;
    return Math.max(0, this.#most - this.#tags.size);
  }

  /**
   * @param exclusive it was reclaimed from a dead process
   * @returns undefined for an entry that is in flight already
   */
  add(tag: string, raw: string, exclusive: boolean): Claimed | undefined {
    if (this.#tags.has(tag)) return undefined;
    if (this.#tags.size === 0) this.#exclusive = false;
    this.#tags.add(tag);
    this.#exclusive ||= exclusive;
    return { tag, generation: this.#generation, raw, trace: undefined };
  }

  /** Whether the entry is in flight. After a lost registration another entry may have its tag. */
  holds({ tag, generation }: Claimed): boolean {
    return generation === this.#generation && this.#tags.has(tag);
  }

  /** Its outcome is stored, or another process has it. */
  settle(claimed: Claimed): void {
    if (!this.holds(claimed)) return;
    this.#tags.delete(claimed.tag);
    this.wake();
  }

  /** The registration is lost: begins a new generation, with nothing in flight. */
  forget(): void {
    this.#generation++;
    this.#tags.clear();
    this.wake();
  }

  /** Resolves when an entry was settled; at the next turn when nothing is in flight. */
  whenChanged(): Promise<void> {
    if (this.#tags.size === 0) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  /** Resolves `whenChanged` although nothing was settled. */
  wake(): void {
    this.#changed?.();
    this.#changed = undefined;
  }
}
