/** A younger value of a periodic event stream is not turned back by an older SEND of the same connection that is handled later. */
import test from 'ava';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import { notifyPeriodicEventStream } from '../../../services/csms/handlers/event-streams.ts';
import { gatewayHarness } from '../gateway-harness.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

const send = (t: number) =>
  JSON.stringify([
    6,
    `s${t}`,
    'NotifyPeriodicEventStream',
    { id: 1, pending: 0, basetime: '2026-01-01T00:00:00.000Z', data: [{ t, v: String(t) }] },
  ]);

for (const slow of [false, true]) {
  test(`the last SEND is what is stored, ${slow ? 'the first was held by a stalled processor' : 'control'}`, async (t) => {
    await using redis = await startRedis();
    const config = { redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 }, channelPrefix: 'x' };
    const two = createTransport({ ...config, kind: 'redis', name: 'processor' });
    await using harness = gatewayHarness(two, createGateway({ ...config, kind: 'redis', name: 'proxy' }));
    const done = new Set<string>();
    const { transport, connect } = harness;
    const key = 'event-stream:CP-1:1';
    transport.onMessage(async ({ frame, stationId }) => {
      if (!('payload' in frame) || frame.type !== 6) return { writes: [], events: [] };
      if (slow && frame.id === 's1')
        await until(async () => (await transport.state.record(key))?.['lastValue'] === '2', 's2');
      const out = await notifyPeriodicEventStream(
        frame.payload as never,
        { stationId, log: { warn() {} } } as never,
      );
      done.add(frame.id);
      return { writes: out.writes ?? [], events: [] };
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp2.1');
    await station.write(send(1));
    await station.write(send(2));
    await until(() => done.size === 2, 'both to be handled');
    await new Promise((resolve) => setTimeout(resolve, 500));
    t.is((await transport.state.record(key))?.['lastValue'], '2');
  });
}
