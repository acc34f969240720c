/** Lost sessions: their sockets close at the rate, and nothing is forwarded under a session that is lost. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { Redis } from 'ioredis';
import { ENV } from '../../../services/contract.ts';
import type { IncomingFrame, Revocation, StationSink } from '../../../services/transport/transport.ts';
import { LostSessions } from '../../../services/ws-proxy/pacing/lost-sessions.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { ProbedGateway } from '../endpoint.ts';
import { RawStation } from '../raw-station.ts';

const FRAME: IncomingFrame = {
  frame: { type: 2, id: '1', action: 'Heartbeat', payload: {} },
  text: '[2,"1","Heartbeat",{}]',
  receivedAt: 0,
  sequence: 1,
};

async function world() {
  let now = 0;
  const gateway = new ProbedGateway();
  const lost = new LostSessions(gateway, { closesPerSecond: () => 1, clock: { now: () => now } });
  const seen: string[] = [];
  const open = (stationId: string) => {
    const sink: StationSink = {
      deliver: () => seen.push(`${stationId} got a frame`) > 0,
      revoked: (why: Revocation) => void seen.push(`${stationId} ${why}`),
    };
    return lost.open({ stationId, protocol: 'ocpp1.6', remoteAddress: '192.0.2.1' }, sink);
  };
  await gateway.start();
  const connections = await Promise.all(['A', 'B', 'C', 'D'].map(open));
  const lose = (stationId: string, why: Revocation = 'lost') =>
    gateway.sinks.get(stationId)?.revoked(why, 'x');
  const pass = async (ms: number) => {
    now += ms;
    await wait(30);
  };
  return { gateway, lost, seen, connections, lose, pass };
}

test('lost sessions are revoked at the rate; those whose station sends first, those that are replaced at once', async (t) => {
  const { gateway, lost, seen, connections, lose, pass } = await world();
  for (const id of ['A', 'B', 'C', 'D']) lose(id);
  lose('B');
  t.deepEqual(seen, ['A lost']);
  t.is(lost.waiting, 3);
  await t.throwsAsync(async () => connections[2]?.forward(FRAME), { code: 'registration-lost' });
  t.is(gateway.forwarded.length, 0);
  t.is(gateway.sinks.get('C')?.deliver({ type: 3, messageId: '1', text: '' }), false);
  lose('D', 'replaced');
  t.deepEqual(seen, ['A lost', 'D replaced']);
  await pass(1200);
  t.deepEqual(seen, ['A lost', 'D replaced', 'C lost']);
  await pass(1200);
  t.deepEqual(seen, ['A lost', 'D replaced', 'C lost', 'B lost']);
  t.is(lost.waiting, 0);
  lost[Symbol.dispose]();
  await gateway.stop();
});

test('a socket that closes leaves the line; a session that is not lost is not affected', async (t) => {
  const { gateway, lost, seen, connections, lose, pass } = await world();
  for (const id of ['A', 'B', 'C']) lose(id);
  await connections[1]?.close();
  t.is(lost.waiting, 1);
  await connections[3]?.forward(FRAME);
  t.deepEqual(
    gateway.forwarded.map(({ stationId }) => stationId),
    ['D'],
  );
  await pass(1200);
  t.deepEqual(
    seen.filter((what) => what.endsWith('lost')),
    ['A lost', 'C lost'],
  );
  lost[Symbol.dispose]();
  await gateway.stop();
});

test('an emptied Redis closes the sockets of a proxy at the drain rate, and each station is served after it reconnects', async (t) => {
  t.timeout(120_000);
  const [STATIONS, RATE] = [60, 20];
  await using redis = await startRedis();
  const environment = { REDIS_ADDR: redis.addr, [ENV.drainRate]: `${RATE}`, [ENV.lease]: '1s' };
  await using proxy = await startProgram('ws-proxy', { ...environment, [ENV.drainPropagation]: '0s' });
  await using _processor = await startProgram('processor', { REDIS_ADDR: redis.addr, [ENV.lease]: '3s' });
  const look = new Redis(redis.port, redis.host);
  t.teardown(() => look.disconnect());
  const open = (i: number) => RawStation.open(proxy.stationPort, `/ocpp/CS${i}`);
  const stations = await Promise.all(Array.from({ length: STATIONS }, (_, i) => open(i)));
  let unanswered = 0;
  // As stations do, it tries again: while the proxy registers, it refuses with 503.
  const served = async (i: number): Promise<string | false> => {
    const { answer, station } = await open(i);
    if (answer.status !== 101) return false;
    station.send('[2,"1","Heartbeat",{}]');
    const closed = once(station.socket, 'close').then((): false => false);
    const text = await Promise.race([station.nextText().catch((): false => false), closed]);
    if (!station.ended) {
      if (text === false) unanswered += 1;
      await station[Symbol.asyncDispose]();
    }
    return text;
  };
  const closes: number[] = [];
  const start = performance.now();
  const returned = stations.map(async ({ station }, i) => {
    await once(station.socket, 'close');
    closes.push(performance.now() - start);
    t.regex(await until(() => served(i), 'a response', 90_000), /^\[3,"1",/);
  });
  await look.flushall();
  await until(
    async () => /\nocpp_proxy_sessions_lost [1-9]/.test((await proxy.ask('/metrics')).text),
    'the loss',
  );
  await Promise.all(returned);
  closes.sort((a, b) => a - b);
  const most = Math.max(
    ...closes.map((from) => closes.filter((at) => at >= from && at < from + 1000).length),
  );
  const [first = 0, last = 0] = [closes[0], closes.at(-1)];
  t.log(
    `${STATIONS} sockets at ${RATE}/s: ${Math.round(last - first)} ms, most in one second ${most}; ${unanswered} CALLs without a response`,
  );
  t.is(unanswered, 0);
  t.true(most <= RATE * 1.2, `${most} in one second`);
  t.true(last - first < 2 * ((STATIONS * 1000) / RATE), `${last - first}`);
});
