/**
 * What a person orders for a while, by annotations of the OcppCluster: they are no wish about the network, and `kubectl
 * annotate` needs no manifest. Only the value "true" counts. Pure.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';

export const ANNOTATION = {
  /** Nothing is written but the status. */
  paused: 'ocpp.dev/paused',
  /** Pods stay as they are, though their template changes. */
  pauseRollouts: 'ocpp.dev/pause-rollouts',
  /** Never fewer Pods than now. */
  pauseScaleIn: 'ocpp.dev/pause-scale-in',
} as const;

export type Orders = Readonly<Record<keyof typeof ANNOTATION, boolean>>;

export function ordersOf({ metadata }: OcppCluster): Orders {
  const given = (name: string) => metadata.annotations?.[name] === 'true';
  return {
    paused: given(ANNOTATION.paused),
    pauseRollouts: given(ANNOTATION.pauseRollouts),
    pauseScaleIn: given(ANNOTATION.pauseScaleIn),
  };
}
