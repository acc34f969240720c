/**
 * Rescue of processes whose lease has run out. Any process rescues any other, and may die while it does:
 * every step can be repeated by the next one.
 *
 * A processor: mark it dead and put back what it holds; kill its connections, so that no BLMOVE of it is
 * served any more; put back what came meanwhile and end the registration.
 * A proxy: mark it dead, kill its connections, end each session that still names it, end the registration.
 */
import type { RedisConnection } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';

/** A delivery that was handed out so often kills whoever handles it: it goes to the dead letters. */
export const MAX_DELIVERIES = 5;
export const DEAD_LETTERS_KEPT = 10_000;
/** The epoch of a station is remembered so long after its session, against late scripts. */
export const LAST_EPOCH_SECONDS = 86_400;
/** Dead processes rescued at one go, and sessions ended by one script. */
const AT_ONCE = 10;
const SESSIONS_AT_ONCE = 100;

export async function rescueDead(commands: RedisConnection, keys: Keys, own: string): Promise<void> {
  const [seconds] = await commands.time();
  const now = Number(seconds) * 1000;
  const dead = (members: string) => commands.zrangebyscore(members, '-inf', now, 'LIMIT', 0, AT_ONCE);
  for (const pid of await dead(keys.members('processor'))) {
    if (pid !== own) await rescueProcessor(commands, keys, pid);
  }
  for (const pid of await dead(keys.members('proxy'))) {
    if (pid !== own) await endProxy(commands, keys, pid);
  }
}

async function rescueProcessor(commands: RedisConnection, keys: Keys, pid: string): Promise<void> {
  const [dead, clients] = await putBackAll(commands, keys, pid, 'mark');
  if (dead === 0) return;
  await killClients(commands, String(clients));
  await putBackAll(commands, keys, pid, 'end');
}

/** Puts back what a processor holds. `end` also ends its registration; `leave` does so for itself. */
export function putBackAll(
  commands: RedisConnection,
  keys: Keys,
  pid: string,
  what: 'mark' | 'end' | 'leave',
): Promise<[number, string | number]> {
  const why = 'its processor ended, each time, before there was an outcome';
  return commands.putBack(...putBackKeys(keys, pid), pid, what, MAX_DELIVERIES, DEAD_LETTERS_KEPT, why);
}

/** A living processor gives back a delivery that it could not handle; `untried` is no fault of its. */
export async function giveBack(
  commands: RedisConnection,
  keys: Keys,
  pid: string,
  number: string,
  what: 'failed' | 'untried',
  why: string,
): Promise<void> {
  const arguments_ = [pid, what, MAX_DELIVERIES, DEAD_LETTERS_KEPT, why, number];
  await commands.putBack(...putBackKeys(keys, pid), ...arguments_);
}

function putBackKeys(keys: Keys, pid: string): string[] {
  return [
    keys.process(pid),
    keys.processing(pid),
    keys.landing(pid),
    keys.requests,
    keys.rescued,
    keys.deadLetters,
    keys.members('processor'),
    keys.waiter,
    keys.help,
  ];
}

/** Ends a dead proxy's sessions and its registration; its own with `force`, when it stops. */
export async function endProxy(
  commands: RedisConnection,
  keys: Keys,
  pid: string,
  force = false,
): Promise<void> {
  let killed = force;
  for (;;) {
    const [dead, clients, ...stations] = await commands.sweep(
      keys.process(pid),
      keys.sessions(pid),
      keys.outbox(pid),
      keys.inflight(pid),
      keys.members('proxy'),
      pid,
      SESSIONS_AT_ONCE,
      force ? 'force' : '',
    );
    if (dead === 0) return;
    if (!killed) await killClients(commands, clients);
    killed = true;
    if (stations.length === 0) return;
    await endSessions(
      commands,
      keys,
      pid,
      stations.map((station) => [station, '']),
    );
  }
}

/** @param sessions escaped station id and epoch; an empty epoch ends whichever names this proxy */
export async function endSessions(
  commands: RedisConnection,
  keys: Keys,
  pid: string,
  sessions: readonly (readonly [string, string])[],
): Promise<void> {
  const now = new Date().toISOString();
  const heads = [keys.prefix, pid, now, LAST_EPOCH_SECONDS];
  await commands.endSessions(keys.active, keys.sessions(pid), ...heads, ...sessions.flat());
}

async function killClients(commands: RedisConnection, clients: string): Promise<void> {
  for (const id of clients.split(',').filter((text) => text !== '')) {
    await commands.client('KILL', 'ID', id);
  }
}
