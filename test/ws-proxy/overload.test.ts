/** More than there is room for: who is held up, who is sent away, and that nobody is answered with an error for it. */
import test from 'ava';
import { Redis } from 'ioredis';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { startEndpoint } from './endpoint.ts';
import { until } from '../support/until.ts';
import { RawStation } from './raw-station.ts';

test('a station that floods with what waits for nothing is read at its rate: nothing is lost or answered with an error', async (t) => {
  await using endpoint = await startEndpoint({ messagesPerSecond: 1000 });
  const { gateway } = endpoint;
  await using flooding = (
    await RawStation.open(endpoint.port, '/ocpp/CS1', ['Sec-WebSocket-Protocol: ocpp2.1'])
  ).station;
  await using other = (await RawStation.open(endpoint.port, '/ocpp/CS2')).station;
  const FRAMES = 6000;
  for (let i = 1; i <= FRAMES; i++) flooding.send(`[6,"${i}","NotifyPeriodicEventStream",{"id":1}]`);
  await until(() => endpoint.seen.includes('paused flood'), 'the socket to be paused');
  t.true(gateway.forwarded.length < FRAMES, `${gateway.forwarded.length} frames before it`);
  other.send('[2,"1","Heartbeat",{}]');
  t.is(await other.nextText(), '[3,"1",{}]', 'the others are served meanwhile');
  t.true(gateway.forwarded.length < FRAMES, 'it is not read');
  const sent = () => gateway.forwarded.filter(({ stationId }) => stationId === 'CS1');
  await until(() => sent().length === FRAMES, 'all of them, later');
  t.deepEqual(
    sent().map(({ sequence }) => sequence),
    Array.from({ length: FRAMES }, (_, i) => i + 1),
  );
  flooding.send('[2,"last","Heartbeat",{}]');
  t.is(await flooding.nextText(), '[3,"last",{}]', 'the first thing that it is told');
});

test('a store that is nearly full lets nobody in, and those that are here go on', async (t) => {
  await using endpoint = await startEndpoint();
  await using here = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  endpoint.gateway.full = true;
  const refused = await RawStation.open(endpoint.port, '/ocpp/CS2');
  await using _ = refused.station;
  t.is(refused.answer.status, 503);
  t.regex(refused.answer.headers.get('retry-after') ?? '', /^\d+$/);
  here.send('[2,"1","Heartbeat",{}]');
  t.is(await here.nextText(), '[3,"1",{}]');
  endpoint.gateway.full = false;
  await using again = (await RawStation.open(endpoint.port, '/ocpp/CS2')).station;
  again.send('[2,"1","Heartbeat",{}]');
  t.is(await again.nextText(), '[3,"1",{}]');
});

test('a full Redis: no CALLERROR to a transaction message, no socket closed, 503 to who comes; then all goes on (case 18)', async (t) => {
  await using redis = await startRedis({ args: ['--maxmemory', '12mb'] });
  await using proxy = await startProgram('ws-proxy', { REDIS_ADDR: redis.addr });
  await using _processor = await startProgram('processor', { REDIS_ADDR: redis.addr });
  const look = new Redis(redis.port, redis.host);
  t.teardown(() => look.disconnect());
  const open = (id: string) => RawStation.open(proxy.stationPort, `/ocpp/${id}`);
  await using here = (await open('CS1')).station;
  await look.setrange('filler', 12 * 1024 * 1024, 'x');

  const start = { connectorId: 1, idTag: 'A', meterStart: 1, timestamp: '2026-11-23T10:00:00Z' };
  here.send(JSON.stringify([2, 'start', 'StartTransaction', start]));
  await until(async () => {
    const { answer, station } = await open('CS2');
    await station[Symbol.asyncDispose]();
    return answer.status === 503 && /^\d+$/.test(answer.headers.get('retry-after') ?? '');
  }, 'a refusal');
  await until(
    async () => /\nocpp_store_memory_share [1-9]/.test((await proxy.ask('/metrics')).text),
    'the metric',
  );
  t.false(here.ended);

  await look.del('filler');
  const [type, id] = JSON.parse(await here.nextText()) as [number, string];
  t.deepEqual([type, id], [3, 'start'], 'the first thing that it is told');
  await until(async () => {
    const { answer, station } = await open('CS2');
    await station[Symbol.asyncDispose]();
    return answer.status === 101;
  }, 'room again');
});

test('TCP connections that never say anything are bounded, and counted when they are dropped', async (t) => {
  await using endpoint = await startEndpoint({ maxConnections: 2 });
  await using one = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using _silent = await RawStation.connect(endpoint.port);
  await using dropped = await RawStation.connect(endpoint.port);
  await until(() => dropped.ended, 'the third to be dropped');
  t.true(endpoint.seen.includes('refused 503 connections'));
  one.send('[2,"1","Heartbeat",{}]');
  t.is(await one.nextText(), '[3,"1",{}]');
});
