/** Another client of Redis runs a slow command again and again. */
import type { Redis } from 'ioredis';
import { TEXTS } from '../../services/console/texts.ts';
import type { Incident } from './incident.ts';
import { CLUSTER } from './network.ts';

const { slowStore } = TEXTS.network.findings;
/** How long Redis is busy with one of its commands; µs. */
const BUSY = 1_200_000;
const REPORT = `
  local begin = redis.call('TIME')
  local passed
  repeat
    local now = redis.call('TIME')
    passed = (now[1] - begin[1]) * 1000000 + now[2] - begin[2]
  until passed > tonumber(ARGV[1])`;

const inRedis = (command: string) =>
  `kubectl -n ${CLUSTER.namespace} exec -i ${CLUSTER.name}-redis-0 -- sh -c 'REDISCLI_AUTH=$(cat /etc/ocpp/redis-login/password) redis-cli -h "$POD_IP" ${command}'`;

let client: Redis | undefined;

async function ask(redis: Redis): Promise<void> {
  while (redis.status === 'ready') await redis.eval(REPORT, 0, BUSY).catch(() => undefined);
}

/** An entry of SLOWLOG GET. */
type SlowCommand = readonly [
  id: number,
  at: number,
  micros: number,
  args: readonly string[],
  address: string,
  name: string,
];

export const redisSlow: Incident = {
  name: 'Redis is slow',
  picture: 'incident-redis-slow',
  alert: 'OcppRedisSlow',
  says: [slowStore.title],
  cards: [TEXTS.network.redis.title],
  commands: ['SLOWLOG GET 5', 'CLIENT KILL ADDR 10.0.3.7:51324'].map(inRedis),
  async happen(network) {
    client = await network.redis();
    // Its connection is to be killed.
    client.on('error', () => undefined);
    await client.client('SETNAME', 'nightly-report');
    void ask(client);
  },
  /** As the page says: the address is in the log of slow commands. */
  async repair(network) {
    const redis = await network.redis();
    const slow = (await redis.slowlog('GET', 5)) as readonly SlowCommand[];
    const [worst] = slow.toSorted((a, b) => b[2] - a[2]);
    if (worst === undefined) throw new Error('Redis has no slow command');
    await redis.client('KILL', 'ADDR', worst[4]);
    redis.disconnect();
  },
  async after(t) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    t.not(client?.status, 'ready', 'the slow client was the one that the log named');
    client?.disconnect();
  },
};
