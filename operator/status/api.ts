/** The HTTP API: its Pods, and why they do not run. No station depends on it, so it changes no other condition than Degraded. Pure. */
import type { OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { idOf, podsOf } from '../observe/observe.ts';
import { podFailure } from '../observe/pod-failure.ts';
import { stateOf, type Workload, workloadFailure } from '../observe/workloads.ts';
import { type Component, hasApi } from '../render/render-input.ts';
import type { Problem, StatusFindings } from './conditions.ts';

type Findings = Pick<StatusFindings, 'spec' | 'observed' | 'release' | 'podEvents' | 'now'>;

/** Undefined: the spec asks for none. */
export function apiStatusOf({ spec, observed }: Findings): OcppClusterStatus['api'] {
  if (!spec.api.enabled) return undefined;
  const { replicas, ready } = stateOf(observed.api);
  return { replicas, readyReplicas: ready };
}

export function apiProblems(findings: Findings): Problem[] {
  const { spec, observed, release } = findings;
  if (!spec.api.enabled) return [];
  const { image, renderRevision } = release;
  if (!hasApi({ spec, renderRevision })) {
    const message =
      `spec.api.enabled: the cluster runs ${image}, of a release without the HTTP API, so there is none. ` +
      'Set spec.image or spec.upgrade: Auto';
    return [{ reason: 'ApiNotRunning', message }];
  }
  const failures = failuresOf('api', observed.api, findings);
  if (failures.length === 0) return [];
  const { ready } = stateOf(observed.api);
  const message =
    `the HTTP API has ${ready} of ${spec.api.replicas} Pods, which concerns no station: ` +
    failures.slice(0, 3).join('; ').slice(0, 2000) +
    adviceOf(findings, failures);
  return [{ reason: 'ApiNotRunning', message }];
}

/** Why Pods of a component do not run. */
export function failuresOf(
  component: Component,
  deployment: Workload | undefined,
  { observed, podEvents, now }: Findings,
): string[] {
  const pods = podsOf(observed, component).map((pod) => podFailure(pod, now, podEvents?.get(idOf(pod))));
  return [workloadFailure(deployment), ...pods].filter((one) => one !== undefined);
}

function adviceOf({ spec: { api } }: Findings, failures: readonly string[]): string {
  const isMissing = (name: string | undefined): name is string =>
    name !== undefined && failures.some((text) => namesSecret(text, name));
  const tokens = api.tokensSecret?.name;
  if (isMissing(tokens)) return `. Create the Secret ${tokens}, or remove spec.api.tokensSecret`;
  // Of Pods that started to be created when these Secrets were not optional.
  for (const { name, signingSecret, caSecretName } of api.webhooks ?? []) {
    const secret = [signingSecret.name, caSecretName].find(isMissing);
    if (secret !== undefined)
      return `. Create the Secret ${secret} of the webhook ${name}, or remove the webhook from spec.api.webhooks`;
  }
  return '';
}

/** A missing Secret is named in the Events of the Pod. */
export const namesSecret = (text: string, name: string) =>
  /secret/i.test(text) && text.split(/[^-.a-z0-9]+/).includes(name);
