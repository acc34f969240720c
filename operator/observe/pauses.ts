/**
 * Pauses, set by annotations of the OcppCluster: they are temporary and no part of the spec, and `kubectl annotate` needs
 * no manifest. Only the value "true" counts. Pure.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';

export const ANNOTATION = {
  /** The operator writes nothing but the status. */
  paused: 'ocpp.dev/paused',
  /** Pods are not replaced when their template changes. */
  pauseRollouts: 'ocpp.dev/pause-rollouts',
  /** No scale-in. */
  pauseScaleIn: 'ocpp.dev/pause-scale-in',
} as const;

/** An aborted rollout is tried again when its value changes. */
export const RETRY_ROLLOUT = 'ocpp.dev/retry-rollout';

/** The stations are evened out once for each of its values. */
export const REBALANCE = 'ocpp.dev/rebalance';

export type Pauses = Readonly<Record<keyof typeof ANNOTATION, boolean>>;

export function pausesOf({ metadata }: OcppCluster): Pauses {
  const given = (name: string) => metadata.annotations?.[name] === 'true';
  return {
    paused: given(ANNOTATION.paused),
    pauseRollouts: given(ANNOTATION.pauseRollouts),
    pauseScaleIn: given(ANNOTATION.pauseScaleIn),
  };
}
