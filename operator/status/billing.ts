/** The bill sink: its Pod, and why it does not run. No station depends on it, so it changes no other condition than Degraded. Pure. */
import type { OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { stateOf } from '../observe/workloads.ts';
import { hasBillSink } from '../render/render-input.ts';
import { failuresOf, namesSecret } from './api.ts';
import type { Problem, StatusFindings } from './conditions.ts';

type Findings = Pick<StatusFindings, 'spec' | 'observed' | 'release' | 'podEvents' | 'now'>;

/** Undefined: the spec asks for none. */
export function billingStatusOf({ spec, observed }: Findings): OcppClusterStatus['billing'] {
  if (spec.billing.sink === undefined) return undefined;
  const { replicas, ready } = stateOf(observed.billSink);
  return { replicas, readyReplicas: ready };
}

export function billSinkProblems(findings: Findings): Problem[] {
  const { spec, observed, release } = findings;
  if (spec.billing.sink === undefined) return [];
  const { image, renderRevision } = release;
  if (!hasBillSink({ spec, renderRevision })) {
    const message =
      `spec.billing.sink: the cluster runs ${image}, of a release without the bill sink, so there is none, and Redis keeps the newest ` +
      'bills only. Set spec.image or spec.upgrade: Auto';
    return [{ reason: 'BillSinkNotRunning', message }];
  }
  const failures = failuresOf('bill-sink', observed.billSink, findings);
  if (failures.length === 0) return [];
  const { ready } = stateOf(observed.billSink);
  const effect =
    ready > 0
      ? 'the new Pod of the bill sink does not start, and the former one still moves bills: '
      : 'bills wait in Redis and do not reach PostgreSQL; no station notices it until Redis is full: ';
  const message = effect + failures.slice(0, 3).join('; ').slice(0, 2000) + adviceOf(findings, failures);
  return [{ reason: 'BillSinkNotRunning', message }];
}

function adviceOf({ spec }: Findings, failures: readonly string[]): string {
  const { secretName, caSecretName } = spec.billing.sink?.postgres ?? {};
  const isMissing = (name: string | undefined): name is string =>
    name !== undefined && failures.some((text) => namesSecret(text, name));
  if (isMissing(secretName))
    return `. Create the Secret ${secretName} with the URL of PostgreSQL in its key url`;
  if (isMissing(caSecretName))
    return `. Create the Secret ${caSecretName} with the authorities in its key ca.crt`;
  // It runs: its readiness depends on PostgreSQL and Redis alone.
  return failures.some((text) => text.endsWith(': see its log'))
    ? '. It says whether PostgreSQL or Redis is away, and why'
    : '';
}
