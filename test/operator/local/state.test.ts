/** The state of a cluster that `npm start` shows. */
import test from 'ava';
import type { RolloutStatus } from '../../../operator/api/ocpp-cluster.ts';
import { clusterState } from '../../../operator/local/cli/state.ts';
import type { Deployment } from '../../../operator/local/kinds.ts';
import { componentLabels } from '../../../operator/render/render-input.ts';
import { city } from '../../support/rendered.ts';

const FIGURES = { stations: 3, transactions: 0, queue: undefined };

const deployment = (name: string, component: 'ws-proxy' | 'processor', readyReplicas: number, replicas = 2) =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default', labels: componentLabels(city(), component), generation: 1 },
    spec: { replicas },
    status: { replicas, readyReplicas, observedGeneration: 1 },
  }) as unknown as Deployment;

const rollout = (phase: RolloutStatus['phase']): RolloutStatus => ({
  id: 'one',
  template: 'b',
  phase,
  toSet: 'city-ws-proxy-b',
  message: '0 of 3 new Pods are ready',
  startedTime: '2026-01-01T00:00:00Z',
  phaseTime: '2026-01-01T00:00:00Z',
});

const deployments = [
  deployment('city-processor', 'processor', 1, 1),
  deployment('city-ws-proxy-b', 'ws-proxy', 1, 3),
  deployment('city-ws-proxy-a', 'ws-proxy', 2),
];
const seen = { cluster: city(), pods: [], deployments, figures: FIGURES };

for (const [phase, why] of [
  ['Preparing', 'rollout, Preparing: 0 of 3 new Pods are ready'],
  ['Completed', 'spec.proxy.replicas is 2'],
] as const) {
  test(`the proxies are those of the serving set, and the reason is that of the rollout while it runs: ${phase}`, (t) => {
    const proxy = { servingSet: 'city-ws-proxy-a', replicas: 2, readyReplicas: 2 };
    const status = { phase: 'Running', proxy, rollout: rollout(phase) } as const;
    const { proxies, processors } = clusterState({ ...seen, status });
    t.deepEqual(proxies, { ready: 2, desired: 2, why });
    t.like(processors, { ready: 1, desired: 1 });
  });
}

test('without an operator the only Deployment counts', (t) => {
  const only = [deployment('city-ws-proxy', 'ws-proxy', 1, 1)];
  t.like(clusterState({ ...seen, deployments: only, status: undefined }).proxies, { ready: 1, desired: 1 });
});
