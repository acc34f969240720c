/** Rates of the whole cluster, which the gateways of one store share. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { RateRequest, RateRequests } from '../../services/transport/rates.ts';
import type { GatewayHarness } from './harness.ts';
import type { Part } from './suite.ts';

const asks = (handshakes: RateRequest, boots: RateRequest = { rate: 0, demand: 0 }): RateRequests => ({
  closes: { rate: 100, demand: 0 },
  handshakes,
  boots,
});

export const rates: Part<GatewayHarness> = (run) => {
  run('a process that is alone has the whole rate, with and without demand', async ({ gateway }) => {
    await gateway.start();
    const idle = await gateway.leaseRates(asks({ rate: 500, demand: 0 }));
    assert.equal(idle.processes, 1);
    assert.deepEqual(idle.shares, {
      closes: { share: 100, demand: 0 },
      handshakes: { share: 500, demand: 0 },
      boots: { share: 0, demand: 0 },
    });
    assert.ok(idle.validMs >= 2000 && idle.validMs <= 10_000, `${idle.validMs}`);
    const busy = await gateway.leaseRates(asks({ rate: 500, demand: 5000, used: 500 }));
    assert.deepEqual(busy.shares.handshakes, { share: 500, demand: 5000 });
    const lower = await gateway.leaseRates(asks({ rate: 200, demand: 5000, used: 500 }));
    assert.equal(lower.shares.handshakes.share, 200);
  });

  run('a store that may have lost leases gives a process no more than it uses', async ({ gateway }) => {
    await gateway.start();
    const ask = () => gateway.leaseRates(asks({ rate: 500, demand: 5000, used: 120 }));
    assert.equal((await ask()).shares.handshakes.share, 120);
    await wait(1500);
    assert.equal((await ask()).shares.handshakes.share, 120);
    await wait(1500);
    assert.equal((await ask()).shares.handshakes.share, 500);
  });
};
