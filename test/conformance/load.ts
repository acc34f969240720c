/** The figures for metrics and autoscaling. */
import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';
import { call, outcome, Received } from './station.ts';
import type { Part } from './suite.ts';

export const load: Part<TransportHarness> = (run) => {
  run('the load counts deliveries in flight', async ({ transport, connect }) => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    transport.onMessage(async () => {
      await held;
      return outcome();
    });
    await transport.start();
    const { depth, oldestSeconds, inFlight } = await transport.load();
    assert.deepEqual({ depth, oldestSeconds, inFlight }, { depth: 0, oldestSeconds: 0, inFlight: 0 });
    const station = await connect('CP-1', 'ocpp1.6');
    const received = new Received(station);
    await station.write(call('a'));
    await until(async () => (await transport.load()).inFlight === 1, 'one in flight');
    release();
    await received.until(1);
    await until(async () => (await transport.load()).inFlight === 0, 'none in flight');
  });
};
