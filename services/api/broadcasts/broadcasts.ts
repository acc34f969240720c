/**
 * Broadcasts of the API. The process that gets a broadcast works on it under a lease; when it dies, another one takes it
 * over after 20 s, and a station that has an outcome is not called again. The idempotency key of each command is that of the broadcast, so what
 * the former owner sent last is not sent twice.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { ClusterClient } from '../../client/cluster-client.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { errorFields, type Log } from '../../runtime/log.ts';
import { QuietLog } from '../../runtime/quiet-log.ts';
import type { CommandView } from '../command-run.ts';
import { Problem } from '../problems.ts';
import {
  type BroadcastCommand,
  BroadcastStore,
  type BroadcastView,
  LIST,
  MOST_OPEN,
  type StoredBroadcast,
} from './store.ts';
import { BroadcastWork } from './work.ts';

export interface NewBroadcast {
  readonly id: string;
  readonly command: BroadcastCommand;
  readonly stations: AsyncIterable<string> | Iterable<string>;
  /** What the request asked for. */
  readonly asked: unknown;
}

export interface OutcomesPage {
  readonly items: readonly CommandView[];
  readonly next?: string;
}

export interface BroadcastOptions {
  readonly client: Pick<ClusterClient, 'broadcast' | 'state'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the program stops. */
  readonly stopping: AbortSignal;
}

/** Most stations of one broadcast. */
const MOST_STATIONS = 100_000;
/** How long a silent owner keeps a broadcast, and between looks for those of dead ones; ms. */
const LEASE = 20_000;
const LOOK = 5000;

export class Broadcasts {
  readonly #options: BroadcastOptions;
  readonly #store: BroadcastStore;
  readonly #log: QuietLog;
  /** Of this process. */
  readonly #owner = randomUUID();
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: BroadcastOptions) {
    this.#options = options;
    this.#store = new BroadcastStore(options.client.state);
    this.#log = new QuietLog(options.log, options.clock);
  }

  /** Under a known id it starts nothing. Rejects with `key-conflict`, `too-many-requests`, `bad-request`. */
  async start({ id, command, stations, asked }: NewBroadcast): Promise<BroadcastView> {
    const intent = createHash('sha256').update(JSON.stringify(asked)).digest('hex');
    const known = await this.#store.read(id);
    if (known !== undefined) return sameAs(known, intent);
    if (!(await this.#store.open()).hasRoom) throw tooMany();
    const lists = await listsOf(stations);
    const now = this.#options.clock.now();
    const view: BroadcastView = {
      id,
      action: command.action,
      state: 'running',
      stations: lists.reduce((sum, list) => sum + list.length, 0),
      answered: 0,
      notSent: 0,
      uncertain: 0,
      startedAt: new Date(now).toISOString(),
    };
    const broadcast = { view, command, intent, owner: this.#owner, leaseUntil: now + LEASE };
    if (await this.#store.create(broadcast, lists)) this.#work(broadcast);
    else {
      const other = await this.#store.read(id);
      if (other !== undefined) return sameAs(other, intent);
    }
    return view;
  }

  async get(id: string): Promise<BroadcastView | undefined> {
    return (await this.#store.read(id))?.view;
  }

  /** Starts no further commands; open ones end by themselves. */
  async stop(id: string): Promise<BroadcastView | undefined> {
    for (;;) {
      const broadcast = await this.#store.read(id);
      if (broadcast?.view.state !== 'running') return broadcast?.view;
      const endedAt = new Date(this.#options.clock.now()).toISOString();
      const view = { ...broadcast.view, state: 'stopped' as const, endedAt };
      // Without an owner: the process that works on it notices at its next write.
      if (await this.#store.update(broadcast.owner, { ...broadcast, view, owner: '', leaseUntil: 0 }))
        return view;
    }
  }

  /** Rejects with `bad-request` for a cursor that is none. */
  async outcomes(id: string, after: string | undefined, limit: number): Promise<OutcomesPage> {
    if (after !== undefined && !/^\d{1,7}$/.test(after))
      throw new Problem('bad-request', 'query/after is no cursor', {
        errors: [
          { path: 'query/after', message: 'is no cursor of this list: use `next` of a page as it is' },
        ],
      });
    const from = Number(after ?? 0);
    const listed = (await this.#store.stations(id, from, limit)) ?? [];
    const items = listed.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome]));
    const next = from + listed.length;
    const total = (await this.get(id))?.stations ?? 0;
    return { items, ...(next < total && { next: `${next}` }) };
  }

  /** Takes over broadcasts of processes that died, until the program stops. */
  async follow(): Promise<void> {
    const { stopping, clock } = this.#options;
    while (!stopping.aborted) {
      try {
        await this.#takeOver();
        await this.#store.forget(clock.now());
      } catch (error) {
        this.#log.warn('broadcasts', errorFields(error), 'broadcasts cannot be read');
      }
      await sleep(LOOK, stopping);
    }
    await Promise.all(this.#running.values());
  }

  async #takeOver(): Promise<void> {
    const { clock } = this.#options;
    const { ids } = await this.#store.open();
    for (const id of ids) {
      if (this.#running.has(id)) continue;
      const broadcast = await this.#store.read(id);
      if (broadcast?.view.state !== 'running' || broadcast.leaseUntil > clock.now()) continue;
      const mine = { ...broadcast, owner: this.#owner, leaseUntil: clock.now() + LEASE };
      if (await this.#store.update(broadcast.owner, mine)) this.#work(mine);
    }
  }

  #work(broadcast: StoredBroadcast): void {
    const { id } = broadcast.view;
    const work = new BroadcastWork({ ...this.#options, store: this.#store, leaseMs: LEASE }, broadcast);
    const running = work
      .run()
      .catch((error: unknown) =>
        this.#log.warn('broadcast', { broadcast: id, ...errorFields(error) }, 'a broadcast pauses'),
      )
      .finally(() => this.#running.delete(id));
    this.#running.set(id, running);
  }
}

function sameAs({ view, intent }: StoredBroadcast, asked: string): BroadcastView {
  if (intent === asked) return view;
  throw new Problem(
    'key-conflict',
    `the Idempotency-Key ${view.id} is that of another broadcast; use one key per intent`,
  );
}

async function listsOf(stations: NewBroadcast['stations']): Promise<string[][]> {
  const names = new Set<string>();
  for await (const station of stations) {
    names.add(station);
    if (names.size > MOST_STATIONS)
      throw new Problem(
        'bad-call',
        `a broadcast is for ${MOST_STATIONS} stations at most: split it by prefix`,
      );
  }
  const all = [...names];
  return Array.from({ length: Math.ceil(all.length / LIST) }, (_, index) =>
    all.slice(index * LIST, (index + 1) * LIST),
  );
}

function tooMany(): Problem {
  const detail = `${MOST_OPEN} broadcasts are open, or 1000 are kept for a day after their end: stop one, or wait`;
  return new Problem('too-many-requests', detail, { headers: { 'retry-after': '60' } });
}
