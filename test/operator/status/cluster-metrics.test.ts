/** The figures of a cluster that alerts read. */
import test from 'ava';
import { Registry } from 'prom-client';
import type { Condition, OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { ClusterMetrics } from '../../../operator/reconcile/metrics.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
const cluster: OcppCluster = {
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name: 'city', namespace: 'charging' },
};
const condition = (
  type: Condition['type'],
  status: Condition['status'],
  reason: string,
): readonly Condition[] => [
  { type, status, reason, message: 'm', observedGeneration: 1, lastTransitionTime: ago(0) },
];

type Shown = Parameters<ClusterMetrics['show']>[1];
const moving = {
  id: 'r',
  toSet: 'b',
  phase: 'Moving',
  startedTime: ago(3600),
  phaseTime: ago(3600),
} as const;
const paused = condition('Progressing', 'False', 'RolloutsPaused');

const CASES: readonly (readonly [string, string, Shown, number])[] = [
  ['nothing is known', 'autoscaling_holds', {}, 0],
  [
    'no signals',
    'autoscaling_holds',
    { conditions: condition('AutoscalingActive', 'False', 'SignalsMissing') },
    1,
  ],
  [
    'the autoscaler fails',
    'autoscaling_holds',
    { conditions: condition('AutoscalingActive', 'False', 'AutoscalerFails') },
    1,
  ],
  ['off', 'autoscaling_holds', { conditions: condition('AutoscalingActive', 'False', 'Off') }, 0],
  ['more helps', 'autoscaling_no_gain', {}, 0],
  [
    'more does not help',
    'autoscaling_no_gain',
    { conditions: condition('AutoscalingActive', 'True', 'NoGain') },
    1,
  ],
  ['known', 'processors_recommended', { autoscaling: { recommendedReplicas: 3 } }, 3],
  ['no rollout', 'rollout_stalled', {}, 0],
  ['stations move', 'rollout_stalled', { rollout: { ...moving, progressTime: ago(60) } }, 0],
  ['no station moves', 'rollout_stalled', { rollout: { ...moving, progressTime: ago(900) } }, 1],
  ['none ever moved', 'rollout_stalled', { rollout: moving }, 1],
  ['paused', 'rollout_stalled', { rollout: moving, conditions: paused }, 0],
  ['ended long ago', 'rollout_stalled', { rollout: { ...moving, phase: 'Aborted' } }, 0],
  ['no drain', 'drain_overdue_seconds', {}, 0],
  ['in time', 'drain_overdue_seconds', { drain: [{ pod: 'p', deadline: ago(-60) }] }, 0],
  [
    'one late',
    'drain_overdue_seconds',
    { drain: [{ pod: 'p', deadline: ago(90) }, { pod: 'q', deadline: ago(-60) }, { pod: 'r' }] },
    90,
  ],
];

for (const [name, metric, status, value] of CASES)
  test(`${metric}: ${name}`, async (t) => {
    const registry = new Registry();
    const metrics = new ClusterMetrics(registry);
    metrics.show(cluster, status, NOW);
    const labels = 'namespace="charging",cluster="city"';
    const text = await registry.metrics();
    t.true(text.includes(`ocpp_operator_${metric}{${labels}} ${value}\n`), text);
    metrics.forget('charging', 'city');
    t.false((await registry.metrics()).includes('"city"'));
  });
