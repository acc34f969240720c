/** One central system and one station over every transport, and how each behaves on errors. */
import test, { type ExecutionContext } from 'ava';
import { newClientWithTransport, type OcppClient } from '../../services/library/client.ts';
import { BUILT_IN, serverProfile, stationProfile } from '../../services/library/profile.ts';
import { newDispatcher, newServerWithTransport, type OcppServer } from '../../services/library/server.ts';
import type { RequestOf } from '../../services/ocpp/messages.ts';
import { newWebSocketTransport } from '../../services/library/websocket.ts';
import { createLog } from '../../services/runtime/log.ts';
import { GatewayClientTransport } from '../../services/transport/gateway-client.ts';
import {
  createGateway,
  createServerState,
  createTransport,
  type RedisConfig,
} from '../../services/library/transport-factory.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { MemoryServerState } from '../../services/transport/pending-requests.ts';
import type { ClientTransport, Gateway, Transport } from '../../services/transport/transport.ts';
import { WebSocketClient } from '../../services/library/websocket-client.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const redis = await startRedis();
test.after.always(() => redis[Symbol.asyncDispose]());

const silent = () =>
  newDispatcher({ log: createLog('test', 'silent'), settings: { unknownTokens: 'Accept' } });

/** Connects stations to a transport that has started. */
interface Link {
  readonly transport: Transport;
  readonly gateway?: Gateway;
  station(stationId: string): Promise<ClientTransport>;
}

async function behind(transport: Transport, gateway: Gateway): Promise<Link> {
  await gateway.start();
  const station = async (stationId: string) =>
    new GatewayClientTransport({ gateway, stationId, protocol: 'ocpp1.6' });
  return { transport, gateway, station };
}

const LINKS: Readonly<Record<string, () => Promise<Link>>> = {
  memory: () => {
    const bus = createMemoryBus();
    return behind(bus.transport, bus.gateway('proxy'));
  },
  redis: () => {
    const settings = { addr: redis.addr, db: 0, clientTimeoutMs: 5000 };
    const config: RedisConfig = { kind: 'redis', redis: settings, channelPrefix: 'sc', name: 'one' };
    return behind(createTransport(config), createGateway(config));
  },
  websocket: async () => {
    const transport = newWebSocketTransport({ port: 0, host: '127.0.0.1' });
    const station = async (stationId: string) => {
      const url = `ws://127.0.0.1:${transport.port}/ocpp`;
      return new WebSocketClient({ url, stationId, protocols: ['ocpp1.6'] });
    };
    return { transport, station };
  },
};

const acme = serverProfile('ocpp1.6', 'Acme', {
  BootNotification: async ({ chargePointModel }, { now }) => ({
    response: { status: 'Accepted', currentTime: now.toISOString(), interval: chargePointModel.length },
  }),
});

function stationOver(transport: ClientTransport): OcppClient<'ocpp1.6'> {
  const core = stationProfile('ocpp1.6', 'Core', {
    Reset: async ({ type }) => ({ status: type === 'Soft' ? 'Accepted' : 'Rejected' }),
    // Not type-safe, as in JavaScript.
    ClearCache: async () => ({ status: 'Perhaps' }) as never,
    ChangeAvailability: async () => Promise.reject(new Error('out of order')),
  });
  return newClientWithTransport(transport, 'ocpp1.6', new MemoryServerState().clientState('here'), core);
}

interface Pair extends AsyncDisposable {
  readonly server: OcppServer;
  readonly station: OcppClient<'ocpp1.6'>;
}

async function pair(link: Link): Promise<Pair> {
  const stack = new AsyncDisposableStack();
  const { transport, gateway } = link;
  stack.use(gateway);
  const server = stack.use(
    newServerWithTransport(transport, silent(), new MemoryServerState(), ...BUILT_IN, acme),
  );
  await server.start();
  const station = stack.use(stationOver(await link.station('CP-1')));
  await station.start();
  await until(() => transport.isClientConnected('CP-1'), 'the station');
  return { server, station, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const boot = { chargePointVendor: 'Acme', chargePointModel: 'Model-7' } as const;

async function bothWays(t: ExecutionContext, { server, station }: Pair): Promise<void> {
  const booted = await station.sendRequest('BootNotification', boot);
  // A custom profile replaces one built-in handler and keeps the others.
  t.like(booted, { kind: 'confirmed', response: { status: 'Accepted', interval: 7 } });
  t.like(await station.sendRequest('Heartbeat', {}), { kind: 'confirmed' });
  const together = await Promise.all([
    station.sendRequest('Authorize', { idTag: 'tag' }),
    server.sendRequest('CP-1', 'Reset', { type: 'Soft' }),
    station.sendRequest('Heartbeat', {}),
    server.sendRequest('CP-1', 'Reset', { type: 'Hard' }),
  ]);
  t.like(together[0], { kind: 'confirmed', response: { idTagInfo: { status: 'Accepted' } } });
  t.deepEqual(together[1], { kind: 'confirmed', response: { status: 'Accepted' } });
  t.is(together[2].kind, 'confirmed');
  t.deepEqual(together[3], { kind: 'confirmed', response: { status: 'Rejected' } });
  t.false(await server.state.hasPendingRequests());
  t.false(await station.state.hasPendingRequest());
}

for (const [name, link] of Object.entries(LINKS)) {
  test(`${name}: a central system and a station send requests to each other`, async (t) => {
    await using both = await pair(await link());
    await bothWays(t, both);
  });
}

test('a request without a valid response ends in the outcome that says why', async (t) => {
  await using both = await pair(await LINKS['memory']!());
  const { server, station } = both;
  const errors: string[] = [];
  station.onError(({ message }) => errors.push(message));
  t.like(await server.sendRequest('CP-1', 'GetConfiguration', {}), { kind: 'refused', code: 'NotSupported' });
  t.like(await server.sendRequest('CP-1', 'ClearCache', {}), {
    kind: 'malformed',
    payload: { status: 'Perhaps' },
    fault: '/status must be equal to one of the allowed values',
  });
  const change = { connectorId: 1, type: 'Operative' } as const;
  t.like(await server.sendRequest('CP-1', 'ChangeAvailability', change, { protocol: 'ocpp1.6' }), {
    kind: 'refused',
    code: 'InternalError',
  });
  t.deepEqual(errors, ['the handler of ChangeAvailability failed']);
  t.deepEqual(await server.sendRequest('CP-2', 'Reset', { type: 'Soft' }), {
    kind: 'not-sent',
    reason: 'offline',
  });
  const bad = server.sendRequest('CP-1', 'Reset', { type: 'Immediate' });
  await t.throwsAsync(bad, { code: 'bad-call', message: /\/type must be equal/ });
  await t.throwsAsync(station.sendRequest('Authorize', {} as never), { code: 'bad-call', message: /idTag/ });
  t.false(await server.state.hasPendingRequests(), 'nothing stays open');
});

test('an open request is recorded until its outcome is known, also if it was made twice', async (t) => {
  await using link = await pair(await LINKS['memory']!());
  const { server, station } = link;
  await station.stop();
  const options = { queueable: true, idempotencyKey: 'k', protocol: 'ocpp1.6' } as const;
  const both = [1, 2].map(() => server.sendRequest('CP-1', 'ClearCache', {}, options));
  await until(async () => (await server.state.pendingRequests('CP-1')).size === 1, 'one request');
  const other = server.sendRequest('CP-1', 'GetConfiguration', {}, options);
  await t.throwsAsync(other, { code: 'key-conflict' });
  t.deepEqual([...(await server.state.pendingRequests('CP-1')).values()], [{ featureName: 'ClearCache' }]);
  await station.start();
  t.deepEqual(
    (await Promise.all(both)).map(({ kind }) => kind),
    ['malformed', 'malformed'],
  );
  t.false(await server.state.hasPendingRequests());
});

test('a request that cannot be recorded is not sent; one whose end cannot be recorded still has its outcome', async (t) => {
  await using store = await startRedis();
  const settings = { addr: store.addr, db: 0, clientTimeoutMs: 5000 };
  await using state = await createServerState({ kind: 'redis', redis: settings, channelPrefix: 'sc' });
  const bus = createMemoryBus();
  await using server = newServerWithTransport(bus.transport, silent(), state);
  await server.start();
  await using gateway = bus.gateway('proxy');
  const link = new GatewayClientTransport({ gateway, stationId: 'CP-1', protocol: 'ocpp1.6' });
  let asked = 0;
  const reset = stationProfile('ocpp1.6', 'Core', {
    Reset: async () => {
      asked += 1;
      await store.kill();
      return { status: 'Accepted' };
    },
  });
  const client = new MemoryServerState().clientState('CP-1');
  await using station = newClientWithTransport(link, 'ocpp1.6', client, reset);
  await station.start();
  t.like(await server.sendRequest('CP-1', 'Reset', { type: 'Soft' }), { kind: 'confirmed' });
  const next = server.sendRequest('CP-1', 'Reset', { type: 'Soft' });
  await t.throwsAsync(next, { code: 'store-unavailable', message: /Redis at/ });
  t.is(asked, 1);
});

test('a station of 2.1 sends SENDs without a response, and CALLs with one', async (t) => {
  const bus = createMemoryBus();
  const heard: unknown[] = [];
  const streams = serverProfile('ocpp2.1', 'Streams', {
    NotifyPeriodicEventStream: async ({ id }) => {
      heard.push(id);
      return { response: {} };
    },
  });
  const state = new MemoryServerState();
  await using server = newServerWithTransport(bus.transport, silent(), state, ...BUILT_IN, streams);
  await server.start();
  await using gateway = bus.gateway('proxy');
  const link = new GatewayClientTransport({ gateway, stationId: 'CS-1', protocol: 'ocpp2.1' });
  await using station = newClientWithTransport(link, 'ocpp2.1', state.clientState('CS-1'));
  const basetime = new Date().toISOString();
  const notification: RequestOf<'ocpp2.1', 'NotifyPeriodicEventStream'> = {
    id: 7,
    pending: 0,
    basetime,
    data: [{ t: 0, v: '1' }],
  };
  await t.throwsAsync(station.send('NotifyPeriodicEventStream', notification), { code: 'not-connected' });
  await station.start();
  await station.send('NotifyPeriodicEventStream', notification);
  await until(() => heard.length === 1, 'the SEND');
  t.deepEqual(heard, [7]);
  const asked = station.sendRequest('NotifyPeriodicEventStream', notification);
  await t.throwsAsync(asked, { code: 'bad-call', message: /is a SEND/ });
  await t.throwsAsync(station.send('Heartbeat', {}), { code: 'bad-call', message: /is a CALL/ });
});

test('a station knows the outcome of its requests when the link or the response fails', async (t) => {
  const bus = createMemoryBus();
  const link = await behind(bus.transport, bus.gateway('proxy'));
  let answers = 0;
  const slow = serverProfile('ocpp1.6', 'Slow', {
    Heartbeat: async (_request, { now }) => {
      await until(() => answers > 0, 'the answer to be let go');
      return { response: { currentTime: now.toISOString() } };
    },
  });
  await using server = newServerWithTransport(bus.transport, silent(), new MemoryServerState(), slow);
  await server.start();
  await using station = stationOver(await link.station('CP-1'));
  t.deepEqual(await station.sendRequest('Heartbeat', {}), { kind: 'not-sent', reason: 'offline' });
  await station.start();
  t.deepEqual(await station.sendRequest('Heartbeat', {}, 50), { kind: 'uncertain', reason: 'timeout' });
  answers = 1;
  t.is((await station.sendRequest('Heartbeat', {})).kind, 'confirmed');
  answers = 0;
  const open = station.sendRequest('Heartbeat', {});
  const waiting = station.sendRequest('Heartbeat', {});
  await until(() => station.state.hasPendingRequest(), 'the open request');
  await station.stop();
  t.deepEqual(await open, { kind: 'uncertain', reason: 'disconnected' });
  t.deepEqual(await waiting, { kind: 'not-sent', reason: 'cancelled' });
  answers = 1;
  t.false(await station.state.hasPendingRequest());
});
