/** The routes of the admin port with which the operator moves stations: see docs/decisions/0016-rollouts.md. */
import { type DrainReport, PATH } from '../contract.ts';
import { type AdminRoute, RequestError } from '../runtime/admin-routes.ts';
import { type Drain, type DrainableSocket, DrainConflict } from './drain.ts';
import { readDrainOrder } from './drain-order.ts';
import type { HandshakeCounts } from './handshake-counts.ts';

export interface AdminParts {
  readonly drain: Pick<Drain<DrainableSocket>, 'order' | 'report'>;
  readonly handshakes: HandshakeCounts;
}

export function adminRoutes({ drain, handshakes }: AdminParts): readonly AdminRoute[] {
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
  ];
}
