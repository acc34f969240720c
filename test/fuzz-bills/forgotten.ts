/** What the processor does about transactions that their station has forgotten: it looks a day later, and a week later. */
import { DEFAULT_SETTINGS } from '../../services/csms/handler.ts';
import { sweep } from '../../services/csms/transactions/sweeper.ts';
import type { Clock } from '../../services/runtime/clock.ts';
import type { Transport } from '../../services/transport/transport.ts';

const DAY = 86_400_000;
const POLICY = { reportAfterMs: DAY, abandonAfterMs: 7 * DAY };

/** @param pass lets so many ms pass */
export async function closeForgotten(
  transport: Transport,
  clock: Clock,
  pass: (ms: number) => void,
): Promise<void> {
  const { transactionKeySeconds } = DEFAULT_SETTINGS;
  for (const days of [1.1, 7]) {
    pass(days * DAY);
    await sweep({ transport, policy: POLICY, transactionKeySeconds, clock });
  }
}
