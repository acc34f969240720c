/** The work on one broadcast: the stations without an outcome, each outcome stored as it comes, and a lease that is renewed. */
import type { ClusterClient } from '../../client/cluster-client.ts';
import type { BroadcastResult } from '../../csms/commands/broadcast.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type CommandView, viewOf } from '../command-run.ts';
import { problemOf } from '../problems.ts';
import { commandIn, keyOf } from './command.ts';
import { type BroadcastStore, type BroadcastView, LIST, type StoredBroadcast } from './store.ts';

export interface WorkOptions {
  readonly client: Pick<ClusterClient, 'broadcast'>;
  readonly store: BroadcastStore;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Aborts when the program stops: another process goes on at once. */
  readonly stopping: AbortSignal;
}

export class BroadcastWork {
  readonly #options: WorkOptions;
  readonly #owner: string;
  #broadcast: StoredBroadcast;
  /** Another process is the owner, it was stopped, or Redis cannot be written. */
  #isLost = false;
  /** Stations whose outcome is not known to this process. */
  #open = 0;
  /** One write at a time: each has all counts. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: WorkOptions, broadcast: StoredBroadcast) {
    this.#options = options;
    this.#owner = broadcast.owner;
    this.#broadcast = broadcast;
  }

  /** Rejects as the store does; then another process, or this one, goes on when the lease is over. */
  async run(): Promise<void> {
    const { client, leaseMs, stopping } = this.#options;
    const over = new Promise<undefined>((resolve) => {
      stopping.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const renewal = setInterval(() => void this.#write({}).catch(() => (this.#isLost = true)), leaseMs / 3);
    try {
      const results = client.broadcast({ ...commandIn(this.#broadcast), stations: this.#pending() });
      for (;;) {
        // Not awaited at the end: a station may take a minute to respond, and the next owner gets its outcome.
        const next = await Promise.race([results.next(), over]);
        if (next === undefined || next.done === true) break;
        await this.#note(next.value);
        if (this.#isOver()) break;
      }
      if (this.#isLost) return;
      if (stopping.aborted || this.#open > 0) await this.#write({ owner: '', leaseUntil: 0 });
      else await this.#write({ view: { ...this.#broadcast.view, state: 'ended', endedAt: this.#now() } });
    } finally {
      clearInterval(renewal);
      await this.#writing.catch(() => undefined);
    }
  }

  #isOver(): boolean {
    return this.#isLost || this.#options.stopping.aborted;
  }

  async *#pending(): AsyncGenerator<string, void, undefined> {
    const { id } = this.#broadcast.view;
    for (let from = 0; ; from += LIST) {
      const listed = await this.#options.store.stations(id, from, LIST);
      if (listed === undefined) return;
      for (const { station, outcome } of listed) {
        if (this.#isOver()) return;
        if (outcome !== undefined) continue;
        this.#open++;
        yield station;
      }
    }
  }

  async #note(result: BroadcastResult): Promise<void> {
    const outcome = this.#outcomeOf(result);
    // It stays open: the next owner asks again under the same key.
    if (outcome === undefined) return;
    this.#open--;
    await this.#write({ view: counted(this.#broadcast.view, outcome) }, outcome);
  }

  #outcomeOf(result: BroadcastResult): CommandView | undefined {
    const { id, action } = this.#broadcast.view;
    const command = { id: keyOf(id), station: result.stationId, action };
    if ('outcome' in result) return viewOf(command, result.outcome);
    const { code } = problemOf(result.error);
    return code === 'bad-call' || code === 'key-conflict'
      ? { ...command, state: 'not-sent', reason: code }
      : undefined;
  }

  #write(change: Partial<StoredBroadcast>, outcome?: CommandView): Promise<void> {
    const leaseUntil = this.#options.clock.now() + this.#options.leaseMs;
    const next = this.#writing.then(async () => {
      if (this.#isLost) return;
      this.#broadcast = { ...this.#broadcast, leaseUntil, ...change };
      this.#isLost = !(await this.#options.store.update(this.#owner, this.#broadcast, outcome));
    });
    this.#writing = next;
    return next;
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

function counted(view: BroadcastView, { state }: CommandView): BroadcastView {
  const name = state === 'answered' ? 'answered' : state === 'not-sent' ? 'notSent' : 'uncertain';
  return { ...view, [name]: view[name] + 1 };
}
