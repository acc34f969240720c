/** Handshakes that wait in line: what a storm of stations gets, alone and at two proxies that share the rate. */
import { PassThrough } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { HandshakeLine } from '../../../services/station-server/rates/handshake-line.ts';
import { ENV } from '../../../services/contract.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { MAX_WAITING, startEndpoint } from '../endpoint.ts';
import { RawStation } from '../raw-station.ts';

const OCPP16 = ['Sec-WebSocket-Protocol: ocpp1.6'];

test('handshakes above the rate wait and are accepted in order; with a full line further ones get 429', async (t) => {
  let rate = 0.001;
  await using endpoint = await startEndpoint({}, { connectsPerSecond: () => rate });
  const opened = () => endpoint.seen.filter((what) => what.startsWith('opened'));
  const stations: ReturnType<typeof RawStation.open>[] = [];
  for (let i = 0; i <= MAX_WAITING; i++) {
    stations.push(RawStation.open(endpoint.port, `/ocpp/CS${i}`));
    await until(() => endpoint.server.size === i + 1, 'it to wait');
  }
  const excess = await RawStation.open(endpoint.port, '/ocpp/excess');
  t.is(excess.answer.status, 429);
  t.true(Number(excess.answer.headers.get('retry-after')) >= 1);
  t.deepEqual(opened(), ['opened CS0']);
  rate = 20;
  for (const { station, answer } of await Promise.all(stations)) {
    t.is(answer.status, 101);
    station.send('[2,"1","Heartbeat",{}]');
    t.is(await station.nextText(), '[3,"1",{}]');
    await station[Symbol.asyncDispose]();
  }
  t.deepEqual(
    opened(),
    Array.from({ length: 1 + MAX_WAITING }, (_, i) => `opened CS${i}`),
  );
  await excess.station[Symbol.asyncDispose]();
});

test('a station that hangs up leaves the line; what a station sends early is not lost', async (t) => {
  await using endpoint = await startEndpoint({}, { connectsPerSecond: 1 });
  await using first = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  const lost = RawStation.open(endpoint.port, '/ocpp/CS2');
  await until(() => endpoint.server.size === 2, 'it to wait');
  await using early = await RawStation.connect(endpoint.port);
  const earlyAnswer = early.handshake('/ocpp/CS3', OCPP16);
  early.send('[2,"early","Heartbeat",{}]');
  await until(() => endpoint.server.size === 3, 'both to wait');
  await using gone = await RawStation.connect(endpoint.port);
  void gone.handshake('/ocpp/CS4', OCPP16).catch(() => undefined);
  await until(() => endpoint.server.size === 4, 'three to wait');
  gone.socket.end();
  await until(() => endpoint.server.size === 3, 'one that closes to leave');
  await using reset = await RawStation.connect(endpoint.port);
  void reset.handshake('/ocpp/CS5', OCPP16).catch(() => undefined);
  await until(() => endpoint.server.size === 4, 'three to wait again');
  reset.socket.resetAndDestroy();
  await until(() => endpoint.server.size === 3, 'one that resets to leave');
  t.is((await earlyAnswer).status, 101);
  t.is(await early.nextText(), '[3,"early",{}]');
  t.false(endpoint.seen.some((what) => /CS[45]/.test(what)));
  await (await lost).station[Symbol.asyncDispose]();
  t.false(first.ended);
});

test('a server that shuts down refuses those in line at once', async (t) => {
  await using endpoint = await startEndpoint({}, { connectsPerSecond: 0.2 });
  await using _first = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  const second = RawStation.open(endpoint.port, '/ocpp/CS2');
  await until(() => endpoint.server.size === 2, 'it to wait');
  endpoint.server.refuseUpgrades();
  const { answer, station } = await second;
  t.is(answer.status, 503);
  await station[Symbol.asyncDispose]();
});

const KNOWN = { isKnown: true, spread: 0 };
const NEW = { isKnown: false, spread: 0 };

test('known stations are ahead of new ones, which get a tenth of the rate', async (t) => {
  let now = 0;
  const order: string[] = [];
  using line = new HandshakeLine({ perSecond: () => 100, clock: { now: () => now } });
  const join = (name: string, arrival: typeof KNOWN) =>
    void line.wait(new PassThrough(), arrival).then((turn) => turn === 'now' && order.push(name));
  for (let i = 0; i < 10; i++) join('first', KNOWN);
  for (let i = 0; i < 50; i++) join('new', NEW);
  for (let i = 0; i < 200; i++) join('known', KNOWN);
  await until(() => order.length === 10, 'those that need not wait');
  while (line.waiting > 0) {
    now += 100;
    const before = line.waiting;
    await until(() => line.waiting < before, 'the next ones');
  }
  await until(() => order.length === 260, 'all of them');
  const ninety = order.slice(10, 100);
  t.is(ninety.filter((name) => name === 'new').length, 9);
  t.is(order.slice(0, 232).filter((name) => name === 'known').length, 200, 'before the rest of the new ones');
});

test('new stations take half of the places at most, and known ones are refused only for known ones', async (t) => {
  using line = new HandshakeLine({ perSecond: () => 100, clock: { now: () => 0 }, maxWaiting: 1000 });
  const join = (arrival: typeof KNOWN) => line.wait(new PassThrough(), arrival);
  for (let i = 0; i < 10 + 500; i++) void join(NEW);
  t.is(line.waiting, 500);
  t.like(await join(NEW), { status: 429, code: 'connect-rate' });
  for (let i = 0; i < 500; i++) void join(KNOWN);
  t.is(line.waiting, 1000);
  t.like(await join(KNOWN), { status: 429, code: 'connect-rate' }, 'every place is taken');
  line.clear();
});

test('refused stations get times at which the rate permits their return', async (t) => {
  let now = 0;
  using line = new HandshakeLine({
    perSecond: () => 100,
    clock: { now: () => now },
    maxWaiting: 900,
  });
  const tcp = Array.from({ length: 900 + 10 }, () => new PassThrough().setMaxListeners(0));
  for (const one of tcp) void line.wait(one, KNOWN);
  const times: number[] = [];
  for (let i = 0; i < 500; i++) {
    const turn = await line.wait(new PassThrough(), KNOWN);
    if (typeof turn === 'object') times.push(turn.retryAfterSeconds ?? 0);
  }
  t.is(times.length, 500);
  t.is(
    times[0],
    7,
    'the line at nine tenths of the rate takes 10 s: 4 s of it still wait when the first returns',
  );
  t.is(times.at(-1), 12);
  t.true(times.every((time, i) => time >= (times[i - 1] ?? 0)));
  t.is(times.filter((time) => time === 9).length, 90);
  now = 1000;
  t.is(line.takeDemand(), 910 + 500 + 900, 'arrivals and those that wait');
  t.is(line.takeDemand(), 900);
  void line.wait(new PassThrough(), KNOWN).catch(() => undefined);
  now = 1500;
  t.is(line.takeDemand(), 2 + 900, 'one in half a second is two per second');
  line.clear();
  t.is(line.waiting, 0);
});

test('a line that was joined at a higher rate refuses the newest, while the rate is known', async (t) => {
  let [perSecond, isKnown] = [100, false];
  using line = new HandshakeLine({
    perSecond: () => perSecond,
    isRateKnown: () => isKnown,
    clock: { now: () => 0 },
  });
  const turns: unknown[] = [];
  const join = (arrival: typeof KNOWN, name: string) =>
    void line.wait(new PassThrough(), arrival).then((turn) => {
      if (typeof turn === 'object') turns.push([name, turn.status, turn.code]);
    });
  for (let i = 0; i < 10 + 3; i++) join(NEW, `new ${i}`);
  for (let i = 0; i < 400; i++) join(KNOWN, `known ${i}`);
  perSecond = 26;
  await wait(50);
  t.is(line.waiting, 403, 'without a lease the rate may be a guess');
  isKnown = true;
  await wait(50);
  // 26/s, nine tenths of it, 17 s.
  t.is(line.waiting, 398);
  t.deepEqual(
    turns.map(String).sort(),
    ['known 398', 'known 399', 'new 10', 'new 11', 'new 12'].map((name) => `${name},429,connect-rate`),
  );
  line.clear();
});

test('a storm at two proxies: stations return at the rate of the cluster, none of them is refused', async (t) => {
  const [STATIONS, RATE] = [400, 100];
  await using redis = await startRedis();
  const environment = { REDIS_ADDR: redis.addr, [ENV.connectRate]: `${RATE}`, [ENV.drainPropagation]: '0s' };
  await using one = await startProgram('ws-proxy', { ...environment, POD_NAME: 'one' });
  await using two = await startProgram('ws-proxy', { ...environment, POD_NAME: 'two' });
  await wait(2500);
  const start = performance.now();
  const at: number[] = [];
  // Three of four go to one proxy: it gets their part of the rate.
  const open = async (i: number) => {
    const { answer, station } = await RawStation.open((i % 4 === 0 ? one : two).stationPort, `/ocpp/CS${i}`);
    at.push(performance.now() - start);
    return { status: answer.status, station };
  };
  const all = await Promise.all(Array.from({ length: STATIONS }, (_, i) => open(i)));
  t.true(
    all.every(({ status }) => status === 101),
    `${all.filter(({ status }) => status !== 101).length} refused`,
  );
  at.sort((a, b) => a - b);
  const most = Math.max(...at.map((from) => at.filter((time) => time >= from && time < from + 1000).length));
  t.log(`${STATIONS} stations at ${RATE}/s: ${Math.round(at.at(-1) ?? 0)} ms, most in one second ${most}`);
  t.true(most <= RATE * 1.2, `${most}`);
  t.true((at.at(-1) ?? 0) < 2 * ((STATIONS * 1000) / RATE));
  await Promise.all(all.map(({ station }) => station[Symbol.asyncDispose]()));
});
