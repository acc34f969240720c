/**
 * OCPP-J on a real socket, through the queue and back: ws-proxy, processor and Redis as processes. The codes of each version
 * are in codes.test.ts; what the socket does by itself is in ../bad-frames.test.ts and station-socket.test.ts.
 */
import anyTest, { type TestFn } from 'ava';
import { connect, type ClusterClient } from '../../../services/client/connect.ts';
import { METRIC } from '../../../services/contract.ts';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { type Cluster, startCluster } from '../../scenario/cluster.ts';
import { until } from '../../support/until.ts';
import { RawStation, subprotocol } from '../raw-station.ts';

const test = anyTest as TestFn<{ cluster: Cluster; client: ClusterClient }>;

test.before(async (t) => {
  t.timeout(120_000);
  const cluster = await startCluster();
  const client = await connect(`redis://${cluster.redis.addr}`);
  t.context = { cluster, client };
});
test.after.always(async (t) => {
  await t.context.client?.close();
  await t.context.cluster?.[Symbol.asyncDispose]();
});

const proxyOf = (cluster: Cluster) => {
  const [proxy] = cluster.proxies;
  if (proxy === undefined) throw new Error('the cluster has no proxy');
  return proxy;
};

async function station(cluster: Cluster, identity: string, protocol: Protocol): Promise<RawStation> {
  const { station, answer } = await RawStation.open(proxyOf(cluster).stationPort, `/ocpp/${identity}`, [
    subprotocol(protocol),
  ]);
  if (answer.status !== 101) throw new Error(`${identity} is refused with ${answer.status}`);
  return station;
}

type Answer = readonly [type: number, id: unknown, ...rest: unknown[]];

const next = async (from: RawStation): Promise<Answer> => JSON.parse(await from.nextText()) as Answer;

/** A metric of the proxy, all labels in the given text. */
async function figure(cluster: Cluster, metric: string): Promise<number> {
  const { text } = await proxyOf(cluster).ask('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`${metric} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

test('case 30: a 2.1 SEND is handled while a CALL is open, again if it is sent again, and never answered', async (t) => {
  const { cluster, client } = t.context;
  await using it = await station(cluster, 'SENDER', 'ocpp2.1');
  const value = (v: string, seconds: number) =>
    it.send(
      JSON.stringify([
        6,
        'stream',
        'NotifyPeriodicEventStream',
        { id: 1, pending: 0, basetime: '2026-11-28T12:00:00Z', data: [{ t: seconds, v }] },
      ]),
    );
  const command = client.call({ stationId: 'SENDER', action: 'ClearCache', payload: {} });
  const [, commandId] = await next(it);
  it.send('[2,"open","Heartbeat",{}]');
  value('1', 1);
  value('2', 2);
  value('2', 2);
  t.deepEqual((await next(it)).slice(0, 2), [3, 'open']);
  const last = await until(async () => {
    const record = await client.state.record('event-stream:SENDER:1');
    return record?.['lastValue'] === '2' && record;
  }, 'the last value');
  t.is(last['lastAt'], '2026-11-28T12:00:02.000Z');
  it.send(JSON.stringify([3, commandId, { status: 'Accepted' }]));
  t.like(await command, { kind: 'answered' });
  it.send('[2,"alive","Heartbeat",{}]');
  t.deepEqual((await next(it)).slice(0, 2), [3, 'alive'], 'no SEND was answered');
});

/** A response that is wrong in itself: the call is uncertain, and nothing is sent. */
const BAD_RESPONSES: readonly (readonly [
  what: string,
  protocol: Protocol,
  response: (id: unknown) => unknown[],
])[] = [
  ['a CALLRESULT without payload', 'ocpp1.6', (id) => [3, id]],
  ['a CALLRESULT with a list', 'ocpp2.0.1', (id) => [3, id, []]],
  ['a CALLRESULT with a text', 'ocpp2.1', (id) => [3, id, 'yes']],
  ['a CALLERROR without code', 'ocpp1.6', (id) => [4, id]],
  ['a CALLERROR whose code is a number', 'ocpp2.0.1', (id) => [4, id, 7, '', {}]],
];

for (const [index, [what, protocol, response]] of BAD_RESPONSES.entries()) {
  test(`case 31: ${what} in ${protocol} ends its call as uncertain, and is not answered`, async (t) => {
    const { cluster, client } = t.context;
    const stationId = `BAD-RESPONSE-${index}`;
    await using it = await station(cluster, stationId, protocol);
    const command = client.call({ stationId, action: 'ClearCache', payload: {} });
    const [type, id] = await next(it);
    t.is(type, 2);
    it.send(JSON.stringify(response(id)));
    t.deepEqual(await command, { kind: 'uncertain', reason: 'malformed' });
    it.send('[2,"alive","Heartbeat",{}]');
    t.deepEqual((await next(it)).slice(0, 2), [3, 'alive']);
  });
}

test('case 31: in 2.1 a CALLRESULTERROR after our response changes nothing and is not answered', async (t) => {
  const { cluster } = t.context;
  await using it = await station(cluster, 'TYPE-5', 'ocpp2.1');
  it.send('[2,"a","Heartbeat",{}]');
  t.deepEqual((await next(it)).slice(0, 2), [3, 'a']);
  it.send('[5,"a","FormatViolation","the time is wrong",{"field":"currentTime"}]');
  it.send('[2,"b","Heartbeat",{}]');
  t.deepEqual((await next(it)).slice(0, 2), [3, 'b']);
});

test('case 22: a late, a second and an unasked response reach no call, and the next call gets its own', async (t) => {
  const { cluster, client } = t.context;
  await using it = await station(cluster, 'LATE', 'ocpp1.6');
  const clear = (timeoutMs?: number) =>
    client.call({
      stationId: 'LATE',
      action: 'ClearCache',
      payload: {},
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  const result = (id: unknown, status: string) => it.send(JSON.stringify([3, id, { status }]));
  result('never-asked', 'Accepted');
  const first = clear(500);
  const [, firstId] = await next(it);
  t.deepEqual(await first, { kind: 'uncertain', reason: 'timeout' });
  const second = clear();
  const [, secondId] = await next(it);
  t.not(secondId, firstId);
  result(firstId, 'Rejected');
  result(secondId, 'Accepted');
  result(secondId, 'Rejected');
  t.deepEqual(await second, {
    kind: 'answered',
    answer: { kind: 'result', payload: { status: 'Accepted' } },
  });
  const third = clear();
  const [, thirdId] = await next(it);
  result(thirdId, 'Rejected');
  t.like(await third, { answer: { payload: { status: 'Rejected' } } });
  const dropped = (why: string) => figure(cluster, `ocpp_proxy_frames_dropped_total{why="${why}"}`);
  t.true((await dropped('unknown-answer')) >= 2, 'the unasked and the second response');
  t.true((await dropped('late-answer')) >= 1);
});

for (const protocol of ['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1'] as const) {
  test(`case 33: CALLs of a station that does not wait are answered one by one in their order, ${protocol}`, async (t) => {
    const { cluster, client } = t.context;
    const stationId = `HASTY-${protocol}`;
    await using it = await station(cluster, stationId, protocol);
    const command = client.call({ stationId, action: 'ClearCache', payload: {} });
    const [, commandId] = await next(it);
    const ids = Array.from({ length: 20 }, (_, i) => `h${i}`);
    for (const id of ids) it.send(JSON.stringify([2, id, 'Heartbeat', {}]));
    it.send(JSON.stringify([3, commandId, { status: 'Accepted' }]));
    const answers: unknown[] = [];
    for (const _ of ids) answers.push((await next(it))[1]);
    t.deepEqual(answers, ids);
    t.like(await command, { kind: 'answered' }, 'a CALL of the CSMS crosses them');
  });
}

test('case 12: the same id on a new connection, and on the same one, is another message', async (t) => {
  const { cluster } = t.context;
  const authorize = (idTag: string) => JSON.stringify([2, 'same', 'Authorize', { idTag }]);
  for (const idTag of ['first', 'second']) {
    await using it = await station(cluster, 'REUSED', 'ocpp1.6');
    it.send(authorize(idTag));
    t.deepEqual((await next(it)).slice(0, 2), [3, 'same']);
    it.send('[2,"same","Heartbeat",{}]');
    t.deepEqual(
      Object.keys((await next(it))[2] as object),
      ['currentTime'],
      'no stored answer of the Authorize',
    );
  }
});

test('case 32: traffic before a Boot is served; while it is Pending only some messages are; a reconnect needs no Boot', async (t) => {
  const { cluster } = t.context;
  const redis = await openRedis(cluster);
  await using _ = redis;
  await redis.set('CS-PENDING', 'Pending');
  const boot = '[2,"boot","BootNotification",{"chargePointVendor":"A","chargePointModel":"B"}]';
  const start =
    '[2,"start","StartTransaction",{"connectorId":1,"idTag":"C","meterStart":1,"timestamp":"2026-11-28T12:00:00Z"}]';
  {
    await using fresh = await station(cluster, 'CS-NO-BOOT', 'ocpp1.6');
    fresh.send('[2,"1","Heartbeat",{}]');
    t.is((await next(fresh))[0], 3);
  }
  {
    await using pending = await station(cluster, 'CS-PENDING', 'ocpp1.6');
    pending.send(boot);
    t.like((await next(pending))[2], { status: 'Pending' });
    pending.send('[2,"2","Heartbeat",{}]');
    t.deepEqual((await next(pending)).slice(0, 3), [4, '2', 'SecurityError']);
    pending.send(start);
    t.is((await next(pending))[0], 3, 'a transaction message is never refused');
  }
  await redis.set('CS-PENDING', 'Accepted');
  await until(
    async () => {
      await using again = await station(cluster, 'CS-PENDING', 'ocpp1.6');
      again.send('[2,"3","Heartbeat",{}]');
      return (await next(again))[0] === 3;
    },
    'the list to be read again',
    20_000,
    2500,
  );
});

/** Writes the list of registrations as another system does. */
async function openRedis({ redis: { host, port } }: Cluster) {
  const { Redis } = await import('ioredis');
  const redis = new Redis(port, host);
  return {
    set: (identity: string, status: string) => redis.hset('ocpp:registrations', identity, status),
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
    },
  };
}

test('case 29: what closes a socket closes no other one, and the session ends with it', async (t) => {
  const { cluster, client } = t.context;
  await using neighbour = await station(cluster, 'CS-NEIGHBOUR', 'ocpp1.6');
  const spoilers: readonly [code: number, spoil: (it: RawStation) => void][] = [
    [1003, (it) => it.frame(2, Buffer.from('[2,"1","Heartbeat",{}]'))],
    [1009, (it) => it.send(' '.repeat(300_000))],
    [1002, (it) => it.frame(0x41, Buffer.from('x'))],
    [1002, (it) => it.frame(0, Buffer.from('x'))],
  ];
  for (const [index, [code, spoil]] of spoilers.entries()) {
    await using it = await station(cluster, `SPOILER-${index}`, 'ocpp1.6');
    spoil(it);
    t.is(await it.closeCode(), code);
    await until(
      async () => (await client.station(`SPOILER-${index}`))?.connected === false,
      'its session to end',
    );
    neighbour.send(`[2,"n${index}","Heartbeat",{}]`);
    t.deepEqual((await next(neighbour)).slice(0, 2), [3, `n${index}`]);
  }
  t.true((await figure(cluster, METRIC.proxyForwarded)) > 0);
});
