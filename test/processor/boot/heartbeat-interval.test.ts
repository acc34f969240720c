/** The interval of Heartbeats after a boot: how it rises with the wait, and what stations of a storm get from a processor. */
import test from 'ava';
import { PROTOCOLS, type Protocol } from '../../../services/ocpp/frame.ts';
import { heartbeatInterval } from '../../../services/csms/heartbeat-interval.ts';
import { createMemoryBus } from '../../../services/transport/memory/bus.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { RawStation } from '../../ws-proxy/raw-station.ts';
import { processorOver, Station } from '../session.ts';

const STATIONS = Array.from({ length: 500 }, (_, n) => `CP-${n}`);
/** From a clock of the proxy that is ahead to a wait of an hour; ms. */
const WAITS = [-60_000, 0, 1999, 2000, 3000, 5000, 7000, 9000, 11_999, 12_000, 30_000, 3_600_000];
const at = (setting: number, waitedMs: number, stationId = 'CP-1') =>
  heartbeatInterval(setting, { stationId, waitedMs });

test('without a wait, and without a known one, the interval is the setting', (t) => {
  for (const setting of [0, 10, 300, 300.5, 86_400, 100_000]) {
    for (const waitedMs of [0, 20, 2000, -60_000, -Infinity, Infinity, NaN]) {
      t.is(at(setting, waitedMs), setting, `${setting} s after ${waitedMs} ms`);
    }
  }
});

test('the interval never falls while the wait rises, and stays within four times the setting and a day', (t) => {
  for (const stationId of STATIONS) {
    for (const setting of [0, 1, 10, 300, 900, 40_000, 86_400, 100_000]) {
      const intervals = WAITS.map((waitedMs) => at(setting, waitedMs, stationId));
      t.deepEqual(
        intervals,
        intervals.toSorted((a, b) => a - b),
      );
      t.true(intervals.every((interval) => Number.isInteger(interval) && interval >= setting));
      t.true(Math.max(...intervals) <= Math.max(setting, Math.min(4 * setting, 86_400)));
    }
  }
});

test('the interval has no jumps: 10 ms more of wait add less than two seconds to 300', (t) => {
  for (let waitedMs = 0; waitedMs < 15_000; waitedMs += 10) {
    t.true(at(300, waitedMs + 10) - at(300, waitedMs) < 2, `${waitedMs} ms`);
  }
});

test('stations that waited equally long are spread over the upper half of the stretch', (t) => {
  const intervals = STATIONS.map((stationId) => at(300, 12_000, stationId));
  const quarters = [0, 0, 0, 0];
  for (const interval of intervals) {
    const quarter = Math.min(3, Math.floor((interval - 750) / 112.5));
    quarters[quarter] = (quarters[quarter] ?? 0) + 1;
  }
  t.true(Math.min(...quarters) > 75, `${quarters.join(' ')} of 500`);
  t.true(Math.min(...intervals) >= 750);
  t.true(Math.max(...intervals) <= 1200);
});

const boot = (protocol: Protocol) =>
  protocol === 'ocpp1.6'
    ? { chargePointVendor: 'Acme', chargePointModel: 'AC-1' }
    : { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'DC-9' } };

test('boots that waited get longer intervals, each its own; Pending and Rejected ones and those after the storm get the setting', async (t) => {
  const bus = createMemoryBus();
  let waitedMs = 12_000;
  const clock = { now: () => Date.now() + waitedMs };
  await using processor = processorOver(bus.transport, undefined, { clock });
  await using gateway = bus.gateway('proxy');
  await processor.start();
  bus.state.apply({ kind: 'set', key: 'registrations', fields: { 'CP-P': 'Pending', 'CP-R': 'Rejected' } });
  const boots = async (protocol: Protocol, stationId: string) => {
    const station = await Station.connect(gateway, stationId, protocol);
    const { status, interval } = await station.ask('BootNotification', boot(protocol));
    await station.close();
    return { status, interval };
  };

  for (const protocol of PROTOCOLS) {
    const all = await Promise.all(STATIONS.slice(0, 50).map((stationId) => boots(protocol, stationId)));
    const intervals = all.map(({ interval }) => Number(interval));
    t.true(intervals.every((interval) => interval >= 750 && interval <= 1200));
    t.true(new Set(intervals).size > 40, 'out of step');
    t.deepEqual(await boots(protocol, 'CP-P'), { status: 'Pending', interval: 300 });
    t.deepEqual(await boots(protocol, 'CP-R'), { status: 'Rejected', interval: 300 });
  }
  const events = bus.state.stream('events').filter(({ type }) => type === 'station-booted');
  const first = events.find(({ stationId }) => stationId === 'CP-1');
  t.is(first?.['interval'], String(at(300, 12_000)), 'the event has the interval');
  t.is(events.find(({ stationId }) => stationId === 'CP-P')?.['interval'], undefined);

  waitedMs = 0;
  for (const protocol of PROTOCOLS) {
    t.deepEqual(await boots(protocol, 'CP-1'), { status: 'Accepted', interval: 300 });
  }
  t.is(bus.state.stream('events').at(-1)?.['interval'], undefined);
});

test('the wait at the pace of a ws-proxy counts, although the queue is empty', async (t) => {
  await using redis = await startRedis();
  const env = { REDIS_ADDR: redis.addr };
  await using proxy = await startProgram('ws-proxy', { ...env, OCPP_BOOT_RATE: '1' });
  await using _processor = await startProgram('processor', env);
  const stations = await Promise.all(
    STATIONS.slice(0, 6).map(async (id) => (await RawStation.open(proxy.stationPort, `/ocpp/${id}`)).station),
  );
  const text = JSON.stringify([2, 'boot', 'BootNotification', boot('ocpp1.6')]);
  for (const station of stations) station.send(text);
  const intervals: number[] = [];
  for (const station of stations) intervals.push(JSON.parse(await station.nextText())[2].interval);
  const [first = 0] = intervals;
  const last = intervals.at(-1) ?? 0;
  t.true(first < last && last > 350, intervals.join(' '));
  for (const station of stations) await station[Symbol.asyncDispose]();
});
