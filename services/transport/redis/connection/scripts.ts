/**
 * The data path's Lua scripts as typed methods of a connection. Each script's head lists its keys, arguments
 * and returns. They are sent as EVALSHA, and whole when the server does not know them (any more).
 */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

type Argument = string | number;

/** The number of a batch and its entries, newest first. */
export type OutboxBatch = [number, ...string[]];

/** Keys first, then arguments, in the order of the script's head. */
export interface Scripts {
  register(...keysAndArguments: Argument[]): Promise<number>;
  take(...keysAndArguments: Argument[]): Promise<string[]>;
  finish(...keysAndArguments: Argument[]): Promise<[number, ...string[]]>;
  amend(...keysAndArguments: Argument[]): Promise<number | [string, string]>;
  putBack(...keysAndArguments: Argument[]): Promise<[number, string | number]>;
  bury(...keysAndArguments: Argument[]): Promise<number>;
  replay(...keysAndArguments: Argument[]): Promise<number>;
  takeSession(...keysAndArguments: Argument[]): Promise<number>;
  endSessions(...keysAndArguments: Argument[]): Promise<number>;
  lostSessions(...keysAndArguments: Argument[]): Promise<string[]>;
  takeOutbox(...keysAndArguments: Argument[]): Promise<OutboxBatch>;
  sweep(...keysAndArguments: Argument[]): Promise<[number, string, ...string[]]>;
  writeToStation(...keysAndArguments: Argument[]): Promise<number>;
  queueLoad(...keysAndArguments: Argument[]): Promise<[number, number, string, string, number, number]>;
  reserve(...keysAndArguments: Argument[]): Promise<number>;
  takeForkAnswers(...keysAndArguments: Argument[]): Promise<string[]>;
  healSession(...keysAndArguments: Argument[]): Promise<number>;
  makeCall(...keysAndArguments: Argument[]): Promise<string[]>;
  endCall(...keysAndArguments: Argument[]): Promise<string[]>;
  endCallsInTime(...keysAndArguments: Argument[]): Promise<number>;
  keepUnreadable(...keysAndArguments: Argument[]): Promise<number>;
}

interface Source {
  readonly url: URL;
  readonly numberOfKeys: number;
  /** Moves calls to stations: calls.lua goes in front. */
  readonly calls?: true;
  /** Makes dead letters: add-dead-letter.lua goes in front. */
  readonly dead?: true;
  /** Keeps unreadable texts: add-unreadable.lua goes in front. */
  readonly unreadable?: true;
  /** Writes stored state: writes.lua goes in front, after add-unreadable.lua. */
  readonly writes?: true;
}

const SOURCES: Readonly<Record<keyof Scripts, Source>> = {
  register: { url: new URL('../lease/register.lua', import.meta.url), numberOfKeys: 2 },
  take: { url: new URL('../queue/claim.lua', import.meta.url), numberOfKeys: 8 },
  finish: {
    url: new URL('../queue/acknowledge.lua', import.meta.url),
    numberOfKeys: 2,
    calls: true,
    dead: true,
    unreadable: true,
    writes: true,
  },
  amend: {
    url: new URL('../state/amend.lua', import.meta.url),
    numberOfKeys: 2,
    unreadable: true,
    writes: true,
  },
  putBack: { url: new URL('../queue/requeue.lua', import.meta.url), numberOfKeys: 9, dead: true },
  bury: { url: new URL('../dead-letters/dead-letter.lua', import.meta.url), numberOfKeys: 2, dead: true },
  replay: { url: new URL('../dead-letters/replay.lua', import.meta.url), numberOfKeys: 2 },
  takeSession: { url: new URL('../session/open-session.lua', import.meta.url), numberOfKeys: 5, calls: true },
  endSessions: { url: new URL('../session/end-sessions.lua', import.meta.url), numberOfKeys: 2, calls: true },
  lostSessions: { url: new URL('../session/lost-sessions.lua', import.meta.url), numberOfKeys: 1 },
  takeOutbox: { url: new URL('../queue/claim-outbox.lua', import.meta.url), numberOfKeys: 3, calls: true },
  sweep: { url: new URL('../lease/end-proxy.lua', import.meta.url), numberOfKeys: 5 },
  writeToStation: { url: new URL('../session/write-to-station.lua', import.meta.url), numberOfKeys: 1 },
  queueLoad: { url: new URL('../queue/queue-load.lua', import.meta.url), numberOfKeys: 5 },
  takeForkAnswers: { url: new URL('../ocpp-go/take-answers.lua', import.meta.url), numberOfKeys: 1 },
  healSession: { url: new URL('../ocpp-go/heal-session.lua', import.meta.url), numberOfKeys: 5 },
  reserve: { url: new URL('../state/reserve.lua', import.meta.url), numberOfKeys: 1 },
  makeCall: { url: new URL('../calls/make-call.lua', import.meta.url), numberOfKeys: 5, calls: true },
  endCall: { url: new URL('../calls/end-call.lua', import.meta.url), numberOfKeys: 1, calls: true },
  endCallsInTime: {
    url: new URL('../calls/end-calls-in-time.lua', import.meta.url),
    numberOfKeys: 1,
    calls: true,
  },
  keepUnreadable: {
    url: new URL('../dead-letters/keep-unreadable.lua', import.meta.url),
    numberOfKeys: 1,
    unreadable: true,
  },
};

const CALLS = readFileSync(new URL('../calls/calls.lua', import.meta.url), 'utf8');
const DEAD = readFileSync(new URL('../dead-letters/add-dead-letter.lua', import.meta.url), 'utf8');
const UNREADABLE = readFileSync(new URL('../dead-letters/add-unreadable.lua', import.meta.url), 'utf8');
const WRITES = readFileSync(new URL('../state/writes.lua', import.meta.url), 'utf8');

const TEXTS = Object.entries(SOURCES).map(
  ([name, { url, numberOfKeys, calls, dead, unreadable, writes }]) => {
    const text = readFileSync(url, 'utf8');
    // The flags must stay the first line.
    const before = [calls && CALLS, dead && DEAD, unreadable && UNREADABLE, writes && WRITES]
      .filter((part) => part !== undefined)
      .join('');
    const lua = text.replace('\n', () => `\n${before}`);
    return { name, numberOfKeys, lua };
  },
);

/**
 * @param guard with a Cluster: a key of our slot that never exists, named by every script beside its own. While the
 *   slot is being moved to another node, Redis then refuses the script whole (ASK, TRYAGAIN); without, it could
 *   fail midway at a key that has moved already. docs/decisions/0004
 */
export function defineScripts(connection: Redis, guard?: string): Redis & Scripts {
  const guards = guard === undefined ? [] : [guard];
  const methods = TEXTS.map(({ name, lua, numberOfKeys }) => {
    connection.defineCommand(name, { lua, numberOfKeys: numberOfKeys + guards.length });
    const send = Reflect.get(connection, name) as (...all: Argument[]) => unknown;
    const guarded = (...all: Argument[]) =>
      send.call(connection, ...all.slice(0, numberOfKeys), ...guards, ...all.slice(numberOfKeys));
    return [name, guards.length === 0 ? send : guarded];
  });
  return Object.assign(connection, Object.fromEntries(methods) as Scripts);
}
