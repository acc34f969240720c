/** Connected stations: unsolicited frames, the list, and connection events. */
import assert from 'node:assert/strict';
import type { ConnectionEvent } from '../../services/transport/transport.ts';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';
import { outcome } from './station.ts';
import type { Part } from './suite.ts';

export const connections: Part<TransportHarness> = (run) => {
  run('an unsolicited frame reaches a connected station, and its response comes back', async (harness) => {
    const { transport, connect } = harness;
    const answers: unknown[] = [];
    transport.onMessage(async ({ frame }) => {
      answers.push(frame);
      return { writes: [], events: [] };
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    station.onMessage((text) => {
      const [, id] = JSON.parse(text) as [number, string];
      void station.write(JSON.stringify([3, id, { status: 'Accepted' }]));
    });
    await transport.write('CP-1', { type: 2, id: 'r-1', action: 'Reset', payload: { type: 'Soft' } });
    await until(() => answers.length === 1, 'the answer');
    assert.deepEqual(answers, [{ type: 3, id: 'r-1', payload: { status: 'Accepted' } }]);
    const frame = () => ({ type: 2, id: 'r-2', action: 'Reset', payload: { type: 'Soft' } }) as const;
    assert.equal((await transport.writeToAll(frame)).size, 0);
    await until(() => answers.length === 2, 'the second answer');
    const rejected = { name: 'TransportError', code: 'station-offline' };
    await assert.rejects(transport.write('offline', frame()), rejected);
  });

  run(
    'connected stations are listed; connects and disconnects are reported',
    async ({ transport, connect }) => {
      const events: string[] = [];
      const note = (what: string) => (event: ConnectionEvent) => events.push(`${what} ${event.stationId}`);
      transport.onConnection(note('connect'));
      transport.onDisconnection(note('disconnect'));
      transport.onMessage(async () => outcome());
      await transport.start();
      assert.deepEqual(await transport.connectedClients(), []);
      const station = await connect('CP-1', 'ocpp1.6');
      await connect('CP-2', 'ocpp1.6');
      assert.deepEqual((await transport.connectedClients()).sort(), ['CP-1', 'CP-2']);
      assert.ok(await transport.isClientConnected('CP-1'));
      await until(() => events.length === 2, 'two connect events');
      await station.stop();
      await until(async () => !(await transport.isClientConnected('CP-1')), 'the station to be gone');
      await until(() => events.length === 3, 'a disconnect event');
      assert.deepEqual(events, ['connect CP-1', 'connect CP-2', 'disconnect CP-1']);
    },
  );
};
