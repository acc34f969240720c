/** The modes of a proxy over real sockets: what an order does to handshakes and stations. */
import test from 'ava';
import { PATH } from '../../../services/contract.ts';
import { until } from '../../support/until.ts';
import { type Started, startProxy, withToken } from './started-proxy.ts';

const order = (it: Started, body: object) => it.order('PUT', PATH.drain, { rollout: 'r1', ...body });

test('orders need the token and name the bad field', async (t) => {
  await using it = await startProxy(withToken());
  t.is((await it.ask(PATH.drain)).status, 401);
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /^the body: /],
    [[], /^the body: /],
    [{ mode: 'away', rollout: 'r1' }, /^mode: .*accepting, refusing, draining/],
    [{ mode: 'draining', rollout: 'r1', moves: -1 }, /^moves: /],
    [{ mode: 'draining', rollout: 'r1', ratePerSecond: 0 }, /^ratePerSecond: /],
    [{ mode: 'draining' }, /^rollout: /],
    [{ mode: 'draining', rollout: 'a b' }, /^rollout: /],
    [{ mode: 'draining', rollout: 'r1', speed: 3 }, /^speed: /],
  ];
  for (const [body, says] of cases) {
    const { status, text } = await it.order('PUT', PATH.drain, body);
    t.is(status, 400);
    t.regex(text, says);
  }
  t.deepEqual((await it.order('GET', PATH.drain)).json, {
    mode: 'accepting',
    sessions: 0,
    inTransaction: 0,
    moved: 0,
    handshakes: { accepted: 0, failed: 0 },
  });
});

test('refusing answers handshakes with 503 and keeps the sockets; accepting takes it back', async (t) => {
  await using it = await startProxy(withToken());
  const { station } = await it.open('CS1');
  await using _ = station;
  t.is((await order(it, { mode: 'refusing' })).json.mode, 'refusing');
  for (let i = 0; i < 5; i += 1) {
    const refused = await it.open(`CS${i + 2}`);
    await using _refused = refused.station;
    t.is(refused.answer.status, 503);
    const seconds = Number(refused.answer.headers.get('retry-after'));
    t.true(seconds >= 1 && seconds <= 3, `Retry-After: ${seconds}`);
  }
  station.send('[2,"1","Heartbeat",{}]');
  t.is(await station.nextText(), '[3,"1",{}]');
  t.is((await it.ask(PATH.readiness)).status, 200, 'the Service decides who gets stations');
  t.is(await it.figure('ocpp_proxy_draining'), 0);
  t.is(await it.figure('ocpp_proxy_mode{mode="refusing"}'), 1);
  await order(it, { mode: 'accepting' });
  const accepted = await it.open('CS7');
  await using _accepted = accepted.station;
  t.is(accepted.answer.status, 101);
  t.deepEqual((await it.order('GET', PATH.drain)).json, {
    mode: 'accepting',
    rollout: 'r1',
    sessions: 2,
    inTransaction: 0,
    moved: 0,
    handshakes: { accepted: 2, failed: 0 },
  });
});

test('an ordered drain moves stations with 1012, never with an open CALL, and not more than it may', async (t) => {
  await using it = await startProxy({ ...withToken(), drainRate: 100 });
  const stations = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => (await it.open(`CS${i}`)).station),
  );
  const [waiting] = stations;
  if (waiting === undefined) throw new Error('no stations');
  waiting.send('[2,"open","Authorize",{}]');
  await until(() => it.gateway.forwarded.length === 1, 'the CALL');
  await order(it, { mode: 'draining', moves: 3 });
  await until(async () => (await it.order('GET', PATH.drain)).json.sessions === 7, 'three moves');
  await order(it, { mode: 'draining' });
  await until(async () => (await it.order('GET', PATH.drain)).json.sessions === 1, 'all but one');
  t.false(waiting.toldToGo);
  it.gateway.answer('CS0', 'open');
  t.is(await waiting.nextText(), '[3,"open",{}]');
  const codes = await Promise.all(stations.map((station) => station.closeCode()));
  t.deepEqual([...new Set(codes)], [1012]);
  t.is((await it.order('GET', PATH.drain)).json.moved, 10);
  t.is(await it.figure('ocpp_proxy_stations_moved_total'), 10);
  await Promise.all(stations.map((station) => station[Symbol.asyncDispose]()));
});

test('after SIGTERM an order gets 409', async (t) => {
  await using it = await startProxy({ ...withToken(), drainPropagation: 3000 });
  const stopped = it.stop();
  t.is((await order(it, { mode: 'accepting' })).status, 409);
  t.is((await it.ask(PATH.readiness)).status, 503);
  await stopped;
});

test('handshakes that fail are counted, those that are paced or drained are not', async (t) => {
  await using it = await startProxy({ ...withToken(), maxSessions: 1 });
  await using accepted = (await it.open('CS1')).station;
  t.false(accepted.ended);
  await using _full = (await it.open('CS2')).station;
  await using _identity = (await it.open('%00')).station;
  await order(it, { mode: 'refusing' });
  await using _drained = (await it.open('CS3')).station;
  t.deepEqual((await it.order('GET', PATH.drain)).json.handshakes, { accepted: 1, failed: 2 });
});

test('a Pod that leaves is not ready, and keeps its sockets until it is to drain; accepting takes it back', async (t) => {
  await using it = await startProxy(withToken());
  await using station = (await it.open('CS1')).station;
  t.true((await order(it, { mode: 'refusing', leaving: true })).json.leaving);
  const unready = await it.ask(PATH.readiness);
  t.is(unready.status, 503);
  t.regex(unready.text, /leaving/);
  station.send('[2,"1","Heartbeat",{}]');
  t.is(await station.nextText(), '[3,"1",{}]');
  t.is((await order(it, { mode: 'refusing' })).json.leaving, undefined);
  t.is((await it.ask(PATH.readiness)).status, 200);
  await order(it, { mode: 'draining', leaving: true });
  t.is(await station.closeCode(), 1012);
  t.is((await order(it, { mode: 'accepting' })).json.leaving, undefined);
  t.is((await it.ask(PATH.readiness)).status, 200);
  await order(it, { mode: 'accepting', leaving: true });
  t.is((await it.ask(PATH.readiness)).status, 503);
  await using late = await it.open('CS2').then((opened) => opened.station);
  t.false(late.ended, 'until the Service has noticed it, stations still arrive');
  const { status, text } = await order(it, { mode: 'shedding', moves: 1, leaving: true });
  t.is(status, 400);
  t.regex(text, /^leaving: /);
});

test('shedding moves idle stations of those that were connected, and accepts handshakes', async (t) => {
  await using it = await startProxy({ ...withToken(), drainRate: 100 });
  const stations = await Promise.all(
    Array.from({ length: 4 }, async (_, i) => (await it.open(`CS${i}`)).station),
  );
  stations[0]?.send('[2,"open","Authorize",{}]');
  await until(() => it.gateway.forwarded.length === 1, 'the CALL');
  t.regex((await order(it, { mode: 'shedding' })).text, /^moves: /);
  await order(it, { mode: 'shedding', moves: 0 });
  const late = await it.open('CS9');
  t.is(late.answer.status, 101);
  t.is((await it.ask(PATH.readiness)).status, 200);
  await order(it, { mode: 'shedding', moves: 2 });
  const report = async () => (await it.order('GET', PATH.drain)).json;
  await until(async () => (await report()).sessions === 3, 'two moves');
  await order(it, { mode: 'shedding', moves: 10 });
  await until(async () => (await report()).sessions === 2, 'all that are idle');
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.like(await report(), { mode: 'shedding', sessions: 2, moved: 3, moves: 10 });
  t.false(stations[0]?.toldToGo);
  t.false(late.station.toldToGo);
  await order(it, { mode: 'accepting' });
  await Promise.all([...stations, late.station].map((station) => station[Symbol.asyncDispose]()));
});
