/**
 * Broadcasts as stored state, so that another process goes on with one when its owner dies. A broadcast is a record; its stations
 * are a record of lists; its outcomes are a record with a field per station. Every write of an owner applies only while it is the owner.
 */
import type { Static } from 'typebox';
import type { CommandView } from '../command-run.ts';
import type { ClusterClient } from '../../client/cluster-client.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import type { Broadcast } from '../schemas/broadcasts.ts';

export type BroadcastView = Static<typeof Broadcast>;

/** What is sent: options of a command and its pace, as the body had them. */
export interface BroadcastCommand {
  readonly action: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly [option: string]: unknown;
}

export interface StoredBroadcast {
  readonly view: BroadcastView;
  readonly command: BroadcastCommand;
  /** Text of what the request asked for, to recognize another one under the same key. */
  readonly intent: string;
  /** Process that works on it; '' for none. */
  readonly owner: string;
  /** Until when it is the owner's; ms since 1970. */
  readonly leaseUntil: number;
}

/** Sorted set of all broadcasts that are kept, by the time when they may be forgotten; Infinity is not representable, so open ones have 0. */
const INDEX = 'broadcasts';
/** Broadcasts that are open, and those that are kept with them. */
export const MOST_OPEN = 100;
const MOST_KEPT = 1000;
/** How long an ended one is kept, and an open one at most; s. */
const KEPT_SECONDS = 86_400;
const OPEN_SECONDS = 14 * 86_400;
/** Stations of one list. */
export const LIST = 500;
/** A longer answer of a station is kept without its payload; characters. */
const LONGEST_OUTCOME = 1000;

const recordOf = (id: string) => `broadcast:${id}`;
const stationsOf = (id: string) => `broadcast-stations:${id}`;
const outcomesOf = (id: string) => `broadcast-outcomes:${id}`;

export class BroadcastStore {
  readonly #state: ClusterClient['state'];

  constructor(state: ClusterClient['state']) {
    this.#state = state;
  }

  async read(id: string): Promise<StoredBroadcast | undefined> {
    const fields = await this.#state.record(recordOf(id));
    if (fields?.['view'] === undefined) return undefined;
    return {
      view: JSON.parse(fields['view']) as BroadcastView,
      command: JSON.parse(fields['command'] ?? '{}') as BroadcastCommand,
      intent: fields['intent'] ?? '',
      owner: fields['owner'] ?? '',
      leaseUntil: Number(fields['leaseUntil'] ?? 0),
    };
  }

  /** Open broadcasts, and whether there is room for another one. */
  async open(): Promise<{ readonly ids: readonly string[]; readonly hasRoom: boolean }> {
    const open = await this.#state.members(INDEX, 0, MOST_OPEN);
    const kept = await this.#state.size(INDEX);
    return { ids: open.map(({ member }) => member), hasRoom: open.length < MOST_OPEN && kept < MOST_KEPT };
  }

  /** Removes ended broadcasts whose time is over from the index; their records expire by themselves. */
  async forget(now: number): Promise<void> {
    const over = (await this.#state.members(INDEX, now, 2 * MOST_OPEN)).filter(({ score }) => score > 0);
    if (over.length === 0) return;
    const writes = over.map(({ member }) => ({ kind: 'remove', key: INDEX, member }) as const);
    await this.#state.amend({ writes, events: [] });
  }

  /** Stores one with its lists of stations. @returns whether there was none of this id */
  async create(broadcast: StoredBroadcast, lists: readonly (readonly string[])[]): Promise<boolean> {
    const { id } = broadcast.view;
    // The lists first: a record is complete as soon as it is there.
    for (const [index, list] of lists.entries())
      await this.#state.amend({
        writes: [set(stationsOf(id), { [index]: JSON.stringify(list) }, OPEN_SECONDS)],
        events: [],
      });
    return this.#state.amend({
      expected: { key: recordOf(id), field: 'owner', value: undefined },
      writes: [
        set(recordOf(id), fieldsOf(broadcast), OPEN_SECONDS),
        { kind: 'add', key: INDEX, member: id, score: 0 },
      ],
      events: [],
    });
  }

  /** Changes what its owner holds. @returns false when another process is the owner */
  async update(owner: string, broadcast: StoredBroadcast, outcome?: CommandView): Promise<boolean> {
    const { id, state } = broadcast.view;
    const isOpen = state === 'running';
    const seconds = isOpen ? OPEN_SECONDS : KEPT_SECONDS;
    const writes: StateWrite[] = [set(recordOf(id), fieldsOf(broadcast), seconds)];
    if (outcome !== undefined)
      writes.push(
        set(outcomesOf(id), { [outcome.station]: JSON.stringify(shortened(outcome)) }, OPEN_SECONDS),
      );
    if (!isOpen) writes.push(...this.#end(broadcast));
    return this.#state.amend({
      expected: { key: recordOf(id), field: 'owner', value: owner },
      writes,
      events: [],
    });
  }

  /** The stations at a place of the broadcast, up to `limit`, with their outcomes where they have one; undefined after the last. */
  async stations(id: string, from: number, limit: number): Promise<readonly Listed[] | undefined> {
    const text = await this.#state.field(stationsOf(id), `${Math.floor(from / LIST)}`);
    if (text === undefined) return undefined;
    const begin = from % LIST;
    const names = (JSON.parse(text) as string[]).slice(begin, begin + limit);
    if (names.length === 0) return undefined;
    const outcomes = await this.#state.fields(outcomesOf(id), names);
    return names.map((station) => ({ station, outcome: viewIn(outcomes?.[station]) }));
  }

  #end({ view }: StoredBroadcast): StateWrite[] {
    const { id, endedAt = view.startedAt } = view;
    const score = Date.parse(endedAt) + KEPT_SECONDS * 1000;
    return [
      { kind: 'add', key: INDEX, member: id, score },
      // Writes nothing but a new time to live.
      set(stationsOf(id), { end: endedAt }, KEPT_SECONDS),
      set(outcomesOf(id), { '': endedAt }, KEPT_SECONDS),
    ];
  }
}

export interface Listed {
  readonly station: string;
  readonly outcome: CommandView | undefined;
}

const set = (key: string, fields: Readonly<Record<string, string>>, expireSeconds: number): StateWrite => ({
  kind: 'set',
  key,
  fields,
  expireSeconds,
});

function fieldsOf({ view, command, intent, owner, leaseUntil }: StoredBroadcast): Record<string, string> {
  const isOpen = view.state === 'running';
  return {
    view: JSON.stringify(view),
    // A payload is not kept after the end.
    command: isOpen ? JSON.stringify(command) : '{}',
    intent,
    owner,
    leaseUntil: `${leaseUntil}`,
  };
}

function shortened(outcome: CommandView): CommandView {
  if (outcome.answer === undefined || JSON.stringify(outcome).length <= LONGEST_OUTCOME) return outcome;
  const { kind, code } = outcome.answer;
  return { ...outcome, answer: { kind, ...(code !== undefined && { code }) } };
}

const viewIn = (text: string | undefined): CommandView | undefined =>
  text === undefined ? undefined : (JSON.parse(text) as CommandView);
