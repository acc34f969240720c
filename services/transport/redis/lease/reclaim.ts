/**
 * Reclaims dead processes, whose lease has ended. Any process reclaims any other, and may die while it does: every step can be
 * repeated by the next one.
 *
 * A processor: mark it dead and requeue what it holds; kill its connections, so that no BLMOVE of it is served any more;
 * requeue what arrived meanwhile and end the registration.
 * A proxy: mark it dead, kill its connections, end each session that still names it, end the registration.
 */
import type { RedisConnection } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { endSessions } from '../session/end-sessions.ts';
import { endProcessor } from './end-processor.ts';
import { endProxy } from './end-proxy.ts';
import { reclaimProcessor } from './reclaim-processor.ts';

/** Dead processes of a role that are reclaimed in one go, and sessions that one script ends. */
const AT_ONCE = 10;
const SESSIONS_AT_ONCE = 100;
const REASON = 'its processor ended, each time, before there was an outcome';

/** @param own process id of the caller */
export async function reclaimDead(commands: RedisConnection, keys: Keys, own: string): Promise<void> {
  const [seconds] = await commands.time();
  const now = Number(seconds) * 1000;
  const dead = (members: string) => commands.zrangebyscore(members, '-inf', now, 'LIMIT', 0, AT_ONCE);
  for (const processId of await dead(keys.members('processor'))) {
    if (processId !== own) await reclaimDeadProcessor(commands, keys, processId);
  }
  for (const proxyId of await dead(keys.members('proxy'))) {
    if (proxyId !== own) await closeProxy(commands, keys, proxyId);
  }
}

/**
 * Also for a processor's own former id, which Redis lost with all its data: no other process knows of it. Where another one has
 * marked it dead, both do the same.
 */
export async function reclaimDeadProcessor(
  commands: RedisConnection,
  keys: Keys,
  processId: string,
): Promise<void> {
  const clients = await reclaimProcessor(commands, keys, { processId, reason: REASON });
  if (clients === undefined) return;
  await killClients(commands, clients);
  await endProcessor(commands, keys, { processId, reason: REASON, counted: true });
}

/** A processor that stops requeues what it holds and ends its registration. */
export function leave(commands: RedisConnection, keys: Keys, processId: string): Promise<void> {
  return endProcessor(commands, keys, { processId, reason: REASON, counted: false });
}

/** Ends a dead proxy's sessions and its registration; its own with `force`, when it stops. */
export async function closeProxy(
  commands: RedisConnection,
  keys: Keys,
  proxyId: string,
  force = false,
): Promise<void> {
  for (let killed = force; ; killed = true) {
    const ending = await endProxy(commands, keys, { proxyId, most: SESSIONS_AT_ONCE, force });
    if (ending === undefined) return;
    if (!killed) await killClients(commands, ending.clients);
    if (ending.stations.length === 0) return;
    const sessions = ending.stations.map((station) => ({ station, epoch: undefined }));
    await endSessions(commands, keys, { proxyId, sessions });
  }
}

async function killClients(commands: RedisConnection, clients: string): Promise<void> {
  for (const id of clients.split(',').filter((text) => text !== '')) {
    await commands.client('KILL', 'ID', id);
  }
}
