/** Kinds of add-ons that a cluster asks for, as problems to report. Pure. */
import type { DefaultedSpec, OcppClusterStatus } from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import { missingAddOns } from '../render/add-ons.ts';
import type { Problem } from './apply.ts';

/** Discovery answers within seconds of the start, and nobody waits for it. */
const KNOWN_AFTER_MS = 10_000;

/** @param forMs how long this process has looked at the cluster */
export function addOnProblems(
  spec: DefaultedSpec,
  caches: Pick<Caches, 'serves'>,
  before: OcppClusterStatus | undefined,
  forMs: number,
): Problem[] {
  // A new leader goes on with what the last one found, so that a change of leader is no recovery.
  const known = before?.conditions?.some(({ reason }) => reason === 'AddOnMissing') === true;
  if (!known && forMs < KNOWN_AFTER_MS) return [];
  return missingAddOns(spec, (resource) => caches.serves(resource)).map((message) => ({
    reason: 'AddOnMissing',
    message,
  }));
}
