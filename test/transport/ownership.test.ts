/** Ownership of a station: takeover, fencing, and their events. Case numbers are those of docs/reliability.md. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { Redis } from 'ioredis';
import { createGateway, createTransport } from '../../services/library/transport-factory.ts';
import type { ConnectionEvent, Transport } from '../../services/transport/transport.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const redis = await startRedis();
const look = new Redis(redis.port, redis.host);
test.after.always(async () => {
  look.disconnect();
  await redis[Symbol.asyncDispose]();
});

let prefixes = 0;
const sink = { deliver: () => true, revoked() {} };
const session = (stationId: string) => ({ stationId, protocol: 'ocpp1.6', remoteAddress: 'x' }) as const;

function network() {
  const prefix = `own${++prefixes}`;
  const config = {
    kind: 'redis',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
    channelPrefix: prefix,
    leaseMs: 1000,
  } as const;
  const stack = new AsyncDisposableStack();
  return {
    prefix,
    processor(name: string): Transport {
      const transport = stack.use(createTransport({ ...config, name }));
      transport.onMessage(async () => ({
        answer: { kind: 'result', payload: {} },
        writes: [],
        events: [],
      }));
      return transport;
    },
    async proxy(name: string) {
      const gateway = stack.use(createGateway({ ...config, name }));
      await gateway.start();
      return gateway;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function told(transport: Transport): string[] {
  const events: string[] = [];
  const note = (what: string) => (event: ConnectionEvent) => void events.push(`${what} ${event.stationId}`);
  transport.onConnection(note('connect'));
  transport.onDisconnection(note('disconnect'));
  return events;
}

/** Cuts the subscriptions of everybody, as a failing network does. */
const cutSubscribers = () => look.call('CLIENT', 'KILL', 'TYPE', 'pubsub');

test.serial('missed connects and disconnects are reported when the channel is back (case 9)', async (t) => {
  await using net = network();
  const gateway = await net.proxy('proxy');
  const transport = net.processor('processor');
  const events = told(transport);
  await transport.start();
  await gateway.open(session('stays'), sink);
  const [leaves, moves] = [
    await gateway.open(session('leaves'), sink),
    await gateway.open(session('moves'), sink),
  ];
  await until(() => events.length === 3, 'three connects');
  events.length = 0;
  // Redis permits no subscription while these happen.
  await look.acl('SETUSER', 'default', '-subscribe');
  await cutSubscribers();
  await leaves.close();
  const again = await gateway.open(session('moves'), sink);
  await gateway.open(session('comes'), sink);
  await wait(100);
  t.deepEqual(events, [], 'nothing was heard');
  await look.acl('SETUSER', 'default', '+subscribe');
  await until(() => events.length === 4, 'what was missed');
  t.deepEqual(events.toSorted(), ['connect comes', 'connect moves', 'disconnect leaves', 'disconnect moves']);
  t.true(events.indexOf('disconnect moves') < events.indexOf('connect moves'));
  t.true(again.epoch > moves.epoch);
});

test.serial(
  'a processor that starts receives the events of stations that were connected before (case 8)',
  async (t) => {
    await using net = network();
    const gateway = await net.proxy('proxy');
    const before = await gateway.open(session('before'), sink);
    const transport = net.processor('processor');
    const events = told(transport);
    const starting = transport.start();
    // Some of these fall between the loading of the sessions and the subscription.
    for (let i = 0; i < 20; i++) await gateway.open(session(`CP-${i}`), sink);
    await starting;
    await before.close();
    await until(() => events.includes('disconnect before'), 'the disconnect');
    for (let i = 0; i < 20; i++) await gateway.open(session(`CP-${i}`), sink);
    // The last event: all others were reported before it.
    const told19 = () => events.filter((event) => event.endsWith(' CP-19')).slice(-2);
    await until(() => told19().join() === 'disconnect CP-19,connect CP-19', 'the reconnects');
    for (let i = 0; i < 20; i++) {
      const own = events.filter((event) => event.endsWith(` CP-${i}`));
      // Known from before, or told: either way they alternate.
      const last = own.slice(-2);
      t.deepEqual(
        last,
        ['disconnect', 'connect'].map((what) => `${what} CP-${i}`),
        own.join(),
      );
      t.true(own.length <= 3, own.join());
    }
  },
);

test.serial('a flapping station leaves one session and two events for each connect (case 5)', async (t) => {
  await using net = network();
  const [here, there] = [await net.proxy('here'), await net.proxy('there')];
  const transport = net.processor('processor');
  const events = told(transport);
  await transport.start();
  for (let i = 0; i < 30; i++) await (i % 2 === 0 ? here : there).open(session('flaps'), sink);
  await until(() => events.length >= 59, 'all events');
  t.is(events.length, 59, '30 connects, 29 disconnects');
  t.deepEqual(await transport.connectedClients(), ['flaps']);
  const keys = await look.keys(`${net.prefix}:*flaps*`);
  t.deepEqual(keys.toSorted(), [`${net.prefix}:last-epoch:flaps`, `${net.prefix}:session:flaps`]);
});
