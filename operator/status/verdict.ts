/** What a condition says, without the book-keeping of metav1.Condition. */
import type { Condition } from '../api/ocpp-cluster.ts';

export type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

export const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });
export const yes = (reason: string, message: string): Verdict => ({ status: 'True', reason, message });
