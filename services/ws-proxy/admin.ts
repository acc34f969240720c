/** The routes of the admin port with which the operator moves stations: see docs/decisions/0016-rollouts.md. */
import { type DrainReport, PATH, type RolloutReport } from '../contract.ts';
import { type AdminRoute, RequestError } from '../runtime/admin-routes.ts';
import { type Drain, type DrainableSocket, DrainConflict } from './drain/drain.ts';
import type { GatewayRollouts } from '../transport/rollout.ts';
import { readDrainOrder, readRollout } from './drain/drain-order.ts';
import type { HandshakeCounts } from './handshake-counts.ts';
import type { SelfTest } from './self-test.ts';

export interface AdminParts {
  readonly drain: Pick<Drain<DrainableSocket>, 'order' | 'report'>;
  readonly handshakes: HandshakeCounts;
  readonly rollouts: Pick<GatewayRollouts, 'report'>;
  readonly selfTest: Pick<SelfTest, 'run'>;
}

/** After how long a station that is away counts as missing, if the request does not say; seconds. */
const MISSING_AFTER = 120;

export function adminRoutes({ drain, handshakes, rollouts, selfTest }: AdminParts): readonly AdminRoute[] {
  const report = (): DrainReport => ({ ...drain.report(), handshakes: handshakes.report });
  return [
    { method: 'GET', path: PATH.drain, handle: report },
    {
      method: 'PUT',
      path: PATH.drain,
      handle: ({ body }) => {
        const order = readDrainOrder(body);
        try {
          drain.order(order);
        } catch (error) {
          throw error instanceof DrainConflict ? new RequestError(409, error.message) : error;
        }
        return report();
      },
    },
    { method: 'POST', path: PATH.selfTest, handle: () => selfTest.run() },
    {
      method: 'GET',
      path: PATH.rollout,
      handle: async ({ query }): Promise<RolloutReport> => {
        const id = readRollout(query.get('id'), 'id');
        const missingAfterMs = readMissingAfter(query.get('missingAfterSeconds')) * 1000;
        return rollouts.report(id, missingAfterMs).catch((error: unknown) => {
          const why = error instanceof Error ? error.message : 'the counts cannot be read';
          throw new RequestError(503, why);
        });
      },
    },
  ];
}

/** @throws RequestError */
function readMissingAfter(text: string | null): number {
  if (text === null) return MISSING_AFTER;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RequestError(400, 'missingAfterSeconds: must be a whole number from 0');
}
