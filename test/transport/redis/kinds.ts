/** The kinds of Redis of a test's own: TLS, a primary with replica and Sentinels, a Cluster. All on 127.0.0.1. */
import { Redis } from 'ioredis';
import { slotOf } from '../../../services/transport/redis/connection/primary.ts';
import type { Certificates } from './certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

/** Does something with a client of one server, which may be on its way up. */
export async function on<T>(server: RedisServer, action: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(server.port, server.host, { maxRetriesPerRequest: 20 });
  client.on('error', () => undefined);
  try {
    return await action(client);
  } finally {
    client.disconnect();
  }
}

export interface TlsRedis extends AsyncDisposable {
  /** host:port of the TLS port. */
  readonly addr: string;
  readonly server: RedisServer;
}

/** Wants a certificate of its clients too. Has a plain port beside, to look. */
export async function startTlsRedis(certificates: Certificates): Promise<TlsRedis> {
  const { port, args } = await tlsPort(certificates);
  const server = await startRedis({ args });
  return { addr: `127.0.0.1:${port}`, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function tlsPort({ ca, cert, key }: Certificates): Promise<{ port: number; args: readonly string[] }> {
  const port = await freePort();
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
  return { port, args: ['--tls-port', `${port}`, ...files] };
}

export interface Servers extends AsyncDisposable {
  /** What REDIS_ADDR is: the Sentinels, or the Cluster's nodes. */
  readonly addr: string;
  /** First the primary of our keys, then those that follow it, then all others. */
  readonly servers: readonly [RedisServer, ...RedisServer[]];
}

/** For servers and Sentinels alike. */
export interface SentinelOptions {
  readonly password?: string;
  /** Servers and Sentinels speak TLS to each other, and their addresses are those of their TLS ports. */
  readonly certificates?: Certificates;
}

export const MASTER = 'ocpp-primary';

/** A primary that takes writes only while a replica follows, two replicas, and three Sentinels that fail over soon. */
export async function startSentinels(options: SentinelOptions = {}): Promise<Servers> {
  const { password, certificates } = options;
  const secret = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
  const safe = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2'];
  const quick = ['--repl-diskless-sync-delay', '0'];
  const start = async (further: readonly string[], sentinel?: string) => {
    const tls = certificates && (await tlsPort(certificates));
    const args = [...(tls ? [...tls.args, '--tls-replication', 'yes'] : []), ...further];
    const server = await startRedis(sentinel === undefined ? { appendonly: true, args } : { args, sentinel });
    return { server, port: tls?.port ?? server.port };
  };
  const args = [...secret, ...safe, ...quick];
  const primary = await start(args);
  const follow = ['--replicaof', '127.0.0.1', `${primary.port}`];
  const replicas = await Promise.all([1, 2].map(() => start([...args, ...follow])));
  const lines = [
    `sentinel monitor ${MASTER} 127.0.0.1 ${primary.port} 2`,
    `sentinel down-after-milliseconds ${MASTER} 500`,
    `sentinel failover-timeout ${MASTER} 2000`,
    ...(password === undefined
      ? []
      : [`sentinel auth-pass ${MASTER} ${password}`, `requirepass ${password}`]),
  ];
  const sentinels = await Promise.all([1, 2, 3].map(() => start([], lines.join('\n'))));
  await Promise.all(sentinels.map(({ server }) => hasMetAll(server, password)));
  const all = [...sentinels, ...replicas, primary];
  return {
    addr: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
    servers: [primary.server, ...replicas.map(({ server }) => server)],
    async [Symbol.asyncDispose]() {
      for (const { server } of all) await server[Symbol.asyncDispose]();
    },
  };
}

/** A Sentinel that knows the primary, both replicas and both others. */
async function hasMetAll({ host, port }: RedisServer, password: string | undefined): Promise<void> {
  const client = new Redis(port, host, password === undefined ? {} : { password });
  await until(async () => {
    const facts = (await client.call('SENTINEL', 'MASTER', MASTER)) as string[];
    const fact = (name: string) => facts[facts.indexOf(name) + 1];
    return fact('num-slaves') === '2' && fact('num-other-sentinels') === '2' && fact('flags') === 'master';
  }, 'the Sentinels to know each other');
  client.disconnect();
}

/** Three primaries and, for the one that has the slot of `key`, a replica. */
export async function startCluster(key: string): Promise<Servers> {
  const options = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    '1000',
    '--cluster-replica-validity-factor',
    '0',
  ];
  const args = [...options, '--repl-diskless-sync-delay', '0'];
  const nodes = await Promise.all([1, 2, 3, 4].map(() => startClusterNode(args)));
  const [first, second, third, replica] = nodes as [ClusterNode, ClusterNode, ClusterNode, ClusterNode];
  const ranges = [first, second, third].map((node, i) => {
    const [from, to] = [Math.floor((i * 16_384) / 3), Math.floor(((i + 1) * 16_384) / 3) - 1];
    return { node, from, to };
  });
  for (const [i, { node, from, to }] of ranges.entries()) {
    await on(node, async (client) => {
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
      await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
    });
  }
  for (const node of [second, third, replica]) {
    await on(first, (client) => client.call('CLUSTER', 'MEET', node.host, node.port, node.busPort));
  }
  const healthy = (node: RedisServer, known: number) =>
    on(node, async (client) => {
      const info = await client.cluster('INFO');
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${known}`);
    });
  for (const node of nodes) await until(() => healthy(node, 4), 'the Cluster to have met');
  const slot = slotOf(key);
  const owner = ranges.find(({ from, to }) => from <= slot && slot <= to)?.node ?? first;
  const ownerId = await on(owner, (client) => client.call('CLUSTER', 'MYID'));
  await on(replica, (client) => client.call('CLUSTER', 'REPLICATE', String(ownerId)));
  await until(
    () => on(replica, async (client) => (await client.info('replication')).includes('master_link_status:up')),
    'the replica to follow',
  );
  await until(
    () => on(first, async (client) => String(await client.call('CLUSTER', 'NODES')).includes('slave')),
    'the Cluster to know of its replica',
  );
  return {
    addr: nodes.map(({ addr }) => addr).join(','),
    servers: [owner, replica, ...ranges.map(({ node }) => node).filter((node) => node !== owner)],
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node[Symbol.asyncDispose]();
    },
  };
}

interface ClusterNode extends RedisServer {
  readonly busPort: number;
}

/** The Cluster's own port would be the server's plus 10000, and may be taken. */
async function startClusterNode(args: readonly string[]): Promise<ClusterNode> {
  const busPort = await freePort();
  const server = await startRedis({ appendonly: true, args: [...args, '--cluster-port', `${busPort}`] });
  return Object.assign(server, { busPort });
}
