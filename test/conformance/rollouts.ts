/** The proxy side of a rollout: which stations were moved and are back, which charge, and the test of the way to a processor. */
import assert from 'node:assert/strict';
import type { IncomingFrame, StationSink } from '../../services/transport/gateway.ts';
import type { RolloutCounts } from '../../services/transport/rollout.ts';
import { isSelfTest } from '../../services/transport/self-test.ts';
import { openOfStation } from '../../services/transport/stored-state.ts';
import { until } from '../support/until.ts';
import type { GatewayHarness } from './harness.ts';
import { ok, outcome } from './station.ts';
import type { Part } from './suite.ts';

const session = (stationId: string) =>
  ({ stationId, protocol: 'ocpp1.6', remoteAddress: '192.0.2.1' }) as const;
const SINK: StationSink = { deliver: () => true, revoked: () => undefined };

function heartbeat(sequence: number): IncomingFrame {
  const [id, action] = [`m${sequence}`, 'Heartbeat'];
  const frame = { type: 2, id, action, payload: {} } as const;
  return { frame, text: JSON.stringify([2, id, action, {}]), receivedAt: Date.now(), sequence };
}

async function start({ transport, gateway }: GatewayHarness): Promise<void> {
  transport.onMessage(async () => outcome({ answer: ok() }));
  await transport.start();
  await gateway.start();
}

const NOTHING: Omit<RolloutCounts, 'id'> = {
  moves: 0,
  stations: 0,
  movedAgain: 0,
  forced: 0,
  away: 0,
  missing: 0,
  peakReturnsPerSecond: 0,
};

/** Connects a station and moves it, as a proxy does. */
async function move({ gateway }: GatewayHarness, rollout: string, stationId: string, forced = false) {
  const connection = await gateway.open(session(stationId), SINK);
  gateway.rollouts.recordMoves(rollout, [{ stationId, epoch: connection.epoch, forced }]);
  await connection.close();
}

async function reportOf(
  { gateway }: GatewayHarness,
  rollout: string,
  moves: number,
  missingAfterMs = 60_000,
) {
  let report = await gateway.rollouts.report(rollout, missingAfterMs);
  const isComplete = async () => {
    report = await gateway.rollouts.report(rollout, missingAfterMs);
    return report.moves >= moves;
  };
  await until(isComplete, `${moves} moves of ${rollout}`);
  return report;
}

export const rollouts: Part<GatewayHarness> = (run) => {
  run(
    'a moved station is away until it connects again, and its gap ends with a response',
    async (harness) => {
      await start(harness);
      const { gateway } = harness;
      assert.deepEqual(await gateway.rollouts.report('r1', 0), { id: 'r1', ...NOTHING });
      await move(harness, 'r1', 'CP-1');
      await move(harness, 'r1', 'CP/2', true);
      const counts = { ...NOTHING, id: 'r1', moves: 2, stations: 2, forced: 1, away: 2 };
      assert.deepEqual(await reportOf(harness, 'r1', 2), counts);
      const waited = async () => (await gateway.rollouts.report('r1', 20)).missing === 2;
      await until(waited, 'both to be missing');

      const back = await gateway.open(session('CP/2'), SINK);
      const returned = { ...counts, away: 1, peakReturnsPerSecond: 1 };
      assert.deepEqual(await gateway.rollouts.report('r1', 60_000), returned, 'no response yet');
      for (const sequence of [1, 2]) await back.forward(heartbeat(sequence));
      const answered = async () => (await gateway.rollouts.report('r1', 0)).gapSeconds !== undefined;
      await until(answered, 'the gap');
      const { gapSeconds, ...rest } = await gateway.rollouts.report('r1', 60_000);
      assert.deepEqual(rest, returned);
      assert.ok(gapSeconds !== undefined && gapSeconds.p50 >= 0.02 && gapSeconds.p50 < 10);
      await back.close();
      await gateway.open(session('CP/2'), SINK);
      assert.equal((await gateway.rollouts.report('r1', 0)).peakReturnsPerSecond, 1, 'counted once');
    },
  );

  run('a station that was moved twice is one station', async (harness) => {
    await start(harness);
    for (let i = 0; i < 3; i += 1) await move(harness, 'r1', 'CP-1');
    await move(harness, 'r1', 'CP-2');
    const { moves, stations, movedAgain } = await reportOf(harness, 'r1', 4);
    assert.deepEqual({ moves, stations, movedAgain }, { moves: 4, stations: 2, movedAgain: 1 });
  });

  run('another rollout begins the counts again, and moves of an earlier one are ignored', async (harness) => {
    await start(harness);
    await move(harness, 'r1', 'CP-1');
    await reportOf(harness, 'r1', 1);
    await move(harness, 'r2', 'CP-2');
    await reportOf(harness, 'r2', 1);
    await move(harness, 'r1', 'CP-3');
    await move(harness, 'r2', 'CP-4');
    const { stations, away } = await reportOf(harness, 'r2', 2);
    assert.deepEqual({ stations, away }, { stations: 2, away: 2 });
    assert.deepEqual(await harness.gateway.rollouts.report('r1', 0), { id: 'r1', ...NOTHING });
  });

  run('a station that returns before its move is noted is not away', async (harness) => {
    await start(harness);
    const { gateway } = harness;
    const stationId = 'CP-1';
    const old = await gateway.open(session(stationId), SINK);
    await gateway.open(session(stationId), SINK);
    gateway.rollouts.recordMoves('r1', [{ stationId, epoch: old.epoch, forced: false }]);
    const { away, peakReturnsPerSecond, gapSeconds } = await reportOf(harness, 'r1', 1);
    assert.deepEqual({ away, peakReturnsPerSecond }, { away: 0, peakReturnsPerSecond: 1 });
    assert.ok(gapSeconds !== undefined && gapSeconds.p50 < 10);
  });

  run('the stations with an open transaction are those of the register', async (harness) => {
    const { transport, gateway } = harness;
    transport.onMessage(async ({ stationId }) =>
      outcome({
        writes: [{ kind: 'add', key: openOfStation(stationId), member: 'transaction:1', score: 1 }],
      }),
    );
    await transport.start();
    await gateway.start();
    for (const stationId of ['CP-1', 'CP/3']) {
      await (await gateway.open(session(stationId), SINK)).forward(heartbeat(1));
      await until(async () => (await transport.state.size(openOfStation(stationId))) === 1, 'the write');
    }
    const many = Array.from({ length: 1200 }, (_, i) => `OTHER-${i}`);
    const found = await gateway.rollouts.charging(['CP-1', 'CP-2', ...many, 'CP/3']);
    assert.deepEqual([...found], ['CP-1', 'CP/3']);
    assert.deepEqual([...(await gateway.rollouts.charging([]))], []);
  });
};

export const selfTests: Part<GatewayHarness> = (run) => {
  run('a self-test reaches a processor and leaves nothing behind', async (harness) => {
    const { transport, gateway } = harness;
    const seen: string[] = [];
    transport.onMessage(async ({ stationId }) => {
      seen.push(stationId);
      return outcome({ answer: ok({ status: 'Accepted' }) });
    });
    await transport.start();
    await gateway.start();
    await gateway.selfTest(10_000);
    await gateway.selfTest(10_000);
    assert.equal(seen.length, 2);
    assert.ok(seen.every(isSelfTest));
    assert.deepEqual(await transport.connectedClients(), []);
    const isIdle = async () => {
      const { depth, inFlight } = await transport.load();
      return depth === 0 && inFlight === 0;
    };
    await until(isIdle, 'the queue to be empty');
  });

  run(
    'a self-test without a processor says so, and leaves no entry in the queue',
    async ({ transport, gateway }) => {
      await gateway.start();
      await assert.rejects(
        gateway.selfTest(200),
        /no answer through \w+ within 0.2 s: is a processor running\?/,
      );
      await until(async () => (await gateway.load()).depth === 0, 'the queue to be empty');
      transport.onMessage(async () => outcome());
      await transport.start();
      await gateway.selfTest(10_000);
    },
  );
};
