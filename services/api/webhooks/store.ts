/**
 * The state of webhooks in Redis: a record each, the parked events of each station, and the dead letters. Every write of an owner applies
 * only while it is the owner.
 */
import type { StateStore, StateWrite } from '../../transport/stored-state.ts';
import { HEAD } from './lanes.ts';
import { memberOf, timeOf, type Waiting, waitingIn } from './waiting.ts';

export type WebhookState = Pick<StateStore, 'record' | 'members' | 'size' | 'amend'>;

/** The record. Times are ms since 1970, '' for never. */
export interface StoredWebhook {
  /** Process that delivers; '' for none. */
  readonly owner: string;
  readonly leaseUntil: number;
  /** Events up to here are settled; '' before the first owner. */
  readonly cursor: string;
  readonly deliveredAt: string;
  readonly failedAt: string;
  readonly lastError: string;
  /** Since when the endpoint is down. */
  readonly downSince: string;
  /** When the oldest event that waits was stored. */
  readonly waitingSince: string;
  readonly parked: number;
  readonly gaps: number;
}

export interface DeadLetter {
  readonly waiting: Waiting;
  readonly reason: string;
  readonly attempts: number;
  /** ISO 8601 */
  readonly at: string;
}

export interface Settlement {
  /** By station: what is parked now, what is no longer, and how many are parked afterwards. */
  readonly lanes: readonly {
    readonly station: string;
    readonly added: readonly Waiting[];
    readonly removed: readonly Waiting[];
    readonly parked: number;
  }[];
  readonly deadLetters: readonly DeadLetter[];
}

/** The oldest are dropped. */
const DEAD_LETTERS_KEPT = 1000;
const STATIONS_AT_ONCE = 5000;
const FORGOTTEN_AT_ONCE = 100;
const ALL = Number.POSITIVE_INFINITY;

const recordOf = (name: string) => `webhook:${name}`;
const stationsOf = (name: string) => `webhook-stations:${name}`;
const parkedOf = (name: string, station: string) => `webhook-parked:${name}:${station}`;
const lettersOf = (name: string) => `webhook-dead-letters:${name}`;

export class WebhookStore {
  readonly #state: WebhookState;
  readonly #name: string;

  constructor(state: WebhookState, name: string) {
    this.#state = state;
    this.#name = name;
  }

  async read(): Promise<StoredWebhook | undefined> {
    const fields = await this.#state.record(recordOf(this.#name));
    if (fields === undefined) return undefined;
    const { leaseUntil = 0, parked = 0, gaps = 0, ...texts } = fields;
    return {
      ...NEW,
      ...texts,
      leaseUntil: Number(leaseUntil),
      parked: Number(parked),
      gaps: Number(gaps),
    };
  }

  /** @returns false when another process is the owner */
  take(known: StoredWebhook | undefined, next: StoredWebhook): Promise<boolean> {
    return this.#write(known?.owner, [this.#record(next)]);
  }

  /** @returns false when another process is the owner */
  async settle(owner: string, webhook: StoredWebhook, { lanes, deadLetters }: Settlement): Promise<boolean> {
    const writes = lanes.flatMap(({ station, added, removed, parked }): StateWrite[] => {
      const key = parkedOf(this.#name, station);
      const stations = stationsOf(this.#name);
      return [
        ...added.map((one) => ({ kind: 'add', key, member: memberOf(one), score: timeOf(one) }) as const),
        ...removed.map((one) => ({ kind: 'remove', key, member: memberOf(one) }) as const),
        parked > 0
          ? { kind: 'add', key: stations, member: station, score: parked }
          : { kind: 'remove', key: stations, member: station },
      ];
    });
    if (deadLetters.length > 0) writes.push(...(await this.#letterWrites(deadLetters)));
    return this.#write(owner, [...writes, this.#record(webhook)]);
  }

  /** Stations with parked events, and how many these are. */
  async *stations(): AsyncGenerator<readonly [station: string, parked: number], void> {
    for (let offset = 0; ; offset += STATIONS_AT_ONCE) {
      const found = await this.#state.members(stationsOf(this.#name), ALL, STATIONS_AT_ONCE, offset);
      for (const { member, score } of found) yield [member, score];
      if (found.length < STATIONS_AT_ONCE) return;
    }
  }

  /** The first parked events of a station. */
  async head(station: string): Promise<Waiting[]> {
    const found = await this.#state.members(parkedOf(this.#name, station), ALL, HEAD);
    return found.map(({ member }) => waitingIn(member));
  }

  letterCount(): Promise<number> {
    return this.#state.size(lettersOf(this.#name));
  }

  /** The oldest first. */
  async letters(): Promise<DeadLetter[]> {
    const found = await this.#state.members(lettersOf(this.#name), ALL, DEAD_LETTERS_KEPT);
    return found.map(({ member }) => JSON.parse(member) as DeadLetter);
  }

  async dropLetter(letter: DeadLetter): Promise<void> {
    const write = { kind: 'remove', key: lettersOf(this.#name), member: JSON.stringify(letter) } as const;
    await this.#state.amend({ writes: [write], events: [] });
  }

  /** Removes all state. @returns false when another process became the owner meanwhile */
  async forget({ owner }: StoredWebhook): Promise<boolean> {
    const gone = (key: string) => ({ kind: 'delete', key }) as const;
    const stations: string[] = [];
    for await (const [station] of this.stations()) stations.push(station);
    for (let first = 0; first < stations.length; first += FORGOTTEN_AT_ONCE) {
      const some = stations.slice(first, first + FORGOTTEN_AT_ONCE);
      if (
        !(await this.#write(
          owner,
          some.map((station) => gone(parkedOf(this.#name, station))),
        ))
      )
        return false;
    }
    // The record is last: what is left after a failure can be removed again.
    return this.#write(
      owner,
      [stationsOf, lettersOf, recordOf].map((keyOf) => gone(keyOf(this.#name))),
    );
  }

  async #letterWrites(letters: readonly DeadLetter[]): Promise<StateWrite[]> {
    const key = lettersOf(this.#name);
    const excess = (await this.#state.size(key)) + letters.length - DEAD_LETTERS_KEPT;
    const oldest = excess > 0 ? await this.#state.members(key, ALL, excess) : [];
    return [
      ...oldest.map(({ member }) => ({ kind: 'remove', key, member }) as const),
      ...letters.map(
        (letter) =>
          ({ kind: 'add', key, member: JSON.stringify(letter), score: Date.parse(letter.at) }) as const,
      ),
    ];
  }

  #record(webhook: StoredWebhook): StateWrite {
    const fields = Object.fromEntries(Object.entries(webhook).map(([name, value]) => [name, `${value}`]));
    return { kind: 'set', key: recordOf(this.#name), fields };
  }

  #write(owner: string | undefined, writes: readonly StateWrite[]): Promise<boolean> {
    const expected = { key: recordOf(this.#name), field: 'owner', value: owner };
    return this.#state.amend({ expected, writes, events: [] });
  }
}

export const NEW: StoredWebhook = {
  owner: '',
  leaseUntil: 0,
  cursor: '',
  deliveredAt: '',
  failedAt: '',
  lastError: '',
  downSince: '',
  waitingSince: '',
  parked: 0,
  gaps: 0,
};
