/** The proxy side: sessions of stations, and frames that are stored more than once. */
import assert from 'node:assert/strict';
import type { IncomingFrame, OutgoingFrame, StationSink } from '../../services/transport/gateway.ts';
import type { StateWrite } from '../../services/transport/stored-state.ts';
import { until } from '../support/until.ts';
import type { GatewayHarness } from './harness.ts';
import { ok, outcome } from './station.ts';
import type { Part } from './suite.ts';

const session = (stationId: string) =>
  ({ stationId, protocol: 'ocpp2.1', remoteAddress: '192.0.2.1' }) as const;

/** The socket of a station: it records what it gets. */
class Socket implements StationSink {
  readonly frames: OutgoingFrame[] = [];
  readonly revocations: string[] = [];

  deliver(frame: OutgoingFrame): boolean {
    this.frames.push(frame);
    return true;
  }

  revoked(why: string): void {
    this.revocations.push(why);
  }
}

function incoming(type: 2 | 6, sequence: number): IncomingFrame {
  const [id, action] = [`m${sequence}`, type === 2 ? 'Heartbeat' : 'NotifyPeriodicEventStream'];
  const frame = { type, id, action, payload: {} };
  return { frame, text: JSON.stringify([type, id, action, {}]), receivedAt: Date.now(), sequence };
}

/** Every delivery adds one member to the sorted set `handled`: its size is the number of effects. */
async function start({ transport, gateway }: GatewayHarness): Promise<void> {
  let count = 0;
  transport.onMessage(async ({ frame }) => {
    const writes: StateWrite[] = [{ kind: 'add', key: 'handled', member: `${++count}`, score: count }];
    return frame.type === 6 ? { writes, events: [] } : outcome({ answer: ok({ count }), writes });
  });
  await transport.start();
  await gateway.start();
}

async function idle({ transport }: GatewayHarness): Promise<void> {
  const isIdle = async () => {
    const { depth, inFlight } = await transport.load();
    return depth === 0 && inFlight === 0;
  };
  await until(isIdle, 'all deliveries to be acknowledged');
}

export const sessions: Part<GatewayHarness> = (run) => {
  run('a newer connection takes over the session, and epochs rise', async (harness) => {
    await start(harness);
    const { gateway, transport } = harness;
    const [old, young] = [new Socket(), new Socket()];
    const first = await gateway.open(session('CP-1'), old);
    const second = await gateway.open(session('CP-1'), young);
    assert.ok(second.epoch > first.epoch);
    await until(() => old.revocations.length === 1, 'the revocation');
    assert.deepEqual(old.revocations, ['replaced']);
    await first.close();
    assert.equal(await transport.isClientConnected('CP-1'), true, 'the old connection ends nothing');
    await second.close();
    await second.close();
    assert.equal(await transport.isClientConnected('CP-1'), false);
    assert.deepEqual(young.revocations, []);
  });

  run(
    'what is stored with a connection is read for this connection only, while it has the session',
    async (harness) => {
      await start(harness);
      const { gateway, transport } = harness;
      const metadata = { securityProfile: '1', proven: 'true' };
      const first = await gateway.open({ ...session('CP-1'), metadata }, new Socket());
      const other = await gateway.open(session('CP-2'), new Socket());
      assert.deepEqual(await transport.sessionMetadata('CP-1', first.epoch), metadata);
      assert.deepEqual(await transport.sessionMetadata('CP-2', other.epoch), {});
      assert.equal(await transport.sessionMetadata('CP-1', other.epoch), undefined);
      assert.equal(await transport.sessionMetadata('CP-9', first.epoch), undefined);
      const second = await gateway.open(session('CP-1'), new Socket());
      assert.equal(await transport.sessionMetadata('CP-1', first.epoch), undefined, 'it was replaced');
      assert.deepEqual(await transport.sessionMetadata('CP-1', second.epoch), {}, 'nothing is inherited');
      await second.close();
      assert.equal(await transport.sessionMetadata('CP-1', second.epoch), undefined, 'it has ended');
    },
  );

  run('a proxy reads the load of the queue', async (harness) => {
    await start(harness);
    const { depth, inFlight } = await harness.gateway.load();
    assert.deepEqual({ depth, inFlight }, { depth: 0, inFlight: 0 });
    assert.equal(harness.gateway.isHealthy(), true);
    assert.equal(harness.gateway.isFull(), false);
  });
};

export const frames: Part<GatewayHarness> = (run) => {
  run('a CALL that is stored twice has one effect, and its response is sent twice', async (harness) => {
    await start(harness);
    const socket = new Socket();
    const connection = await harness.gateway.open(session('CP-1'), socket);
    for (const sequence of [1, 1]) {
      await connection.forward(incoming(2, sequence));
      await idle(harness);
    }
    await until(() => socket.frames.length === 2, 'two responses');
    assert.deepEqual(
      socket.frames.map(({ text }) => text),
      ['[3,"m1",{"count":1}]', '[3,"m1",{"count":1}]'],
    );
    assert.equal(await harness.transport.state.size('handled'), 1);
  });

  run('a SEND that is stored twice has one effect, however many follow in between', async (harness) => {
    await start(harness);
    const connection = await harness.gateway.open(session('CP-1'), new Socket());
    for (let sequence = 1; sequence <= 100; sequence++) await connection.forward(incoming(6, sequence));
    await idle(harness);
    const size = () => harness.transport.state.size('handled');
    await until(async () => (await size()) === 100, 'the effects of 100 SENDs');
    for (const sequence of [1, 50, 100]) await connection.forward(incoming(6, sequence));
    await connection.forward(incoming(6, 101));
    await idle(harness);
    await until(async () => (await size()) >= 101, 'the effect of one more SEND');
    assert.equal(await size(), 101);
  });
};
