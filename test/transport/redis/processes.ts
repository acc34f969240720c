/** Proxies, processors and stations of a test's own on a real Redis, and what goes wrong between them. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { GatewayClientTransport } from '../../../services/transport/gateway-client.ts';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import type { Delivery, MessageHandler, Outcome } from '../../../services/transport/transport.ts';
import { type RedisOptions, startRedis } from '../../support/redis-server.ts';

/** Short: reclaiming waits for it. */
export const LEASE_MS = 1000;

export const done = (parts: Partial<Outcome> = {}): Outcome => ({
  answer: { kind: 'result', payload: {} },
  writes: [],
  events: [],
  ...parts,
});
export const counted = ({ frame }: Delivery): Outcome =>
  done({ writes: [{ kind: 'append', key: 'effects', fields: { id: frame.id }, maxLength: 1000 }] });

/** A Redis, as many proxies and processors as a test wants, and a client to look with. */
export async function cluster(
  t: ExecutionContext,
  options: RedisOptions & { readonly clientTimeoutMs?: number } = {},
) {
  const redis = await startRedis(options);
  const config = {
    kind: 'redis',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: options.clientTimeoutMs ?? 5000 },
    channelPrefix: 'ocpp',
    leaseMs: LEASE_MS,
  } as const;
  const look = new Redis(redis.port, redis.host, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  look.on('error', () => undefined);
  const errors: Error[] = [];
  const stops: (() => Promise<void>)[] = [];
  t.teardown(async () => {
    await Promise.all(stops.map((stop) => stop()));
    look.disconnect();
    await redis[Symbol.asyncDispose]();
  });
  return {
    redis,
    look,
    errors,
    processor: async (handler: MessageHandler, release = '') => {
      const transport = createTransport({ ...config, name: 'processor', release });
      transport.onMessage(handler);
      transport.onError((error) => errors.push(error));
      stops.push(() => transport.stop());
      await transport.start();
      return transport;
    },
    proxy: async () => {
      const gateway = createGateway({ ...config, name: 'proxy' });
      gateway.onError((error) => errors.push(error));
      stops.push(() => gateway.stop());
      await gateway.start();
      return gateway;
    },
    /** As if the process had been paused past its lease: it is marked dead although it lives. */
    lapse: async (role: 'processors' | 'proxies', pid: string) => {
      await look.multi().hset(`ocpp:process:${pid}`, 'state', 'dead').zadd(`ocpp:${role}`, '1', pid).exec();
    },
    effects: async () => (await look.xrange('ocpp:effects', '-', '+')).map(([, fields]) => fields[1] ?? ''),
  };
}

export async function station(gateway: ReturnType<typeof createGateway>, stationId: string) {
  const client = new GatewayClientTransport({ gateway, stationId, protocol: 'ocpp1.6' });
  const heard: string[] = [];
  const revocations: string[] = [];
  client.onMessage((text) => heard.push((JSON.parse(text) as [number, string])[1]));
  client.onDisconnection((reason) => revocations.push(reason));
  await client.start();
  return {
    client,
    heard,
    revocations,
    call: (id: string, action = 'Heartbeat') => client.write(JSON.stringify([2, id, action, {}])),
  };
}

/** An entry as a proxy writes it, for tests that speak to the scripts directly. */
export const entry = (stationId: string, id: string, connection: number, sequence: number) =>
  JSON.stringify({
    charge_point_id: stationId,
    message_type: 2,
    message_id: id,
    action: 'Heartbeat',
    payload: [2, id, 'Heartbeat', {}],
    timestamp: new Date().toISOString(),
    ws_server_id: 'other-proxy',
    connection,
    sequence,
    protocol: 'ocpp1.6',
  });

/** A TCP relay to Redis that cuts the connection instead of passing on the reply to what contains `text`. */
export async function mute(t: ExecutionContext, port: number, text: string) {
  let broken = true;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    let cut = false;
    for (const socket of [client, target]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, target].forEach((one) => one.destroy()));
    }
    client.on('data', (data) => {
      cut ||= broken && data.includes(text);
      target.write(data);
    });
    target.on('data', (data) => (cut ? client.destroy() : client.write(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    heal: () => {
      broken = false;
    },
  };
}
