/** What the readings of charging stations leave in Redis. */
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from './fleet.ts';
import { meterValues } from './messages.ts';
import { serveCluster } from './servers.ts';

const SESSIONS = 1000;
/** An hour with one a minute. */
const READINGS = 60;
/** Time for queues to empty; ms. */
const SETTLE_MS = 2000;

/** @param root another checkout whose programs are measured */
export async function redisMemory(onStep: (what: string) => void, root?: string): Promise<string> {
  onStep(`${SESSIONS} sessions`);
  await using served = await serveCluster({ proxies: 1, processors: 1, fsync: 'no', root });
  const { host = '', port = 0 } = served.redis ?? {};
  const redis = new Redis(port, host);
  try {
    const used = async () => {
      await sleep(SETTLE_MS);
      return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
    };
    using fleet = new Fleet();
    await fleet.connect(served.endpoints, SESSIONS);
    const partOf = await meterValues(fleet);
    const [reading = ''] = partOf(0).texts;
    const open = await used();
    for (let count = 1; count <= READINGS; count++) await fleet.ask(reading);
    const kB = Math.round(((await used()) - open) / SESSIONS / 100) / 10;
    return `Redis' memory for the readings of an hour, one a minute: ${kB} kB per session; 4000 sessions: ${Math.round(kB * 4)} MB`;
  } finally {
    redis.disconnect();
  }
}
