/** The HorizontalPodAutoscaler and the ScaledObject of a spec, and the problem without KEDA. */
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { hasOtherAutoscaler } from '../../../operator/observe/autoscalers.ts';
import { missingAddOns } from '../../../operator/reconcile/missing-add-ons.ts';
import { city, find, names, rendered } from '../../support/rendered.ts';

type Autoscaling = NonNullable<NonNullable<OcppClusterSpec['processor']>['autoscaling']>;

const spec = (autoscaling: Autoscaling, replicas: number | undefined = 4): OcppClusterSpec => ({
  processor: { ...(replicas !== undefined && { replicas }), autoscaling },
});
const PROMETHEUS = { url: 'https://prometheus.monitoring:9090' };
const autoscalers = (...of: Parameters<typeof rendered>) =>
  names(rendered(...of)).filter((name) => /Autoscaler|ScaledObject|TriggerAuthentication/.test(name));
const HPA = 'HorizontalPodAutoscaler/city-processor';
const KEDA = 'ScaledObject/city-processor';
const AUTHENTICATION = 'TriggerAuthentication/city-processor';

test('an HPA scales the OcppCluster by the recommendation of the operator, as fast as mode Internal', (t) => {
  const made = spec({ mode: 'HPA', minReplicas: 2, maxReplicas: 9, scaleDownStabilizationSeconds: 120 });
  t.deepEqual(find(rendered(made), HPA).spec, {
    scaleTargetRef: { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', name: 'city' },
    minReplicas: 2,
    maxReplicas: 9,
    metrics: [
      {
        type: 'External',
        external: {
          metric: {
            name: 'ocpp_operator_processors_recommended',
            selector: { matchLabels: { namespace: 'default', cluster: 'city' } },
          },
          target: { type: 'AverageValue', averageValue: '1' },
        },
      },
    ],
    behavior: {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: 'Max',
        policies: [
          { type: 'Pods', value: 4, periodSeconds: 15 },
          { type: 'Percent', value: 100, periodSeconds: 15 },
        ],
      },
      scaleDown: {
        stabilizationWindowSeconds: 120,
        selectPolicy: 'Max',
        policies: [
          { type: 'Pods', value: 1, periodSeconds: 60 },
          { type: 'Percent', value: 25, periodSeconds: 60 },
        ],
      },
    },
  });
  const own = { metricName: 'queue', matchLabels: { queue: 'requests' }, averageValue: '500m' };
  t.like(find(rendered(spec({ mode: 'HPA', hpa: own })), HPA).spec, {
    metrics: [
      {
        external: {
          metric: { name: 'queue', selector: { matchLabels: { queue: 'requests' } } },
          target: { averageValue: '500m' },
        },
      },
    ],
  });
});

test('a ScaledObject asks Prometheus, and holds the number while Prometheus does not answer', (t) => {
  const made = spec({ mode: 'KEDA', prometheus: PROMETHEUS, minReplicas: 2, maxReplicas: 9 });
  const { spec: scaled } = find(rendered(made), KEDA);
  t.like(scaled, {
    scaleTargetRef: { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', name: 'city' },
    minReplicaCount: 2,
    maxReplicaCount: 9,
    fallback: { failureThreshold: 3, replicas: 9, behavior: 'currentReplicas' },
  });
  t.deepEqual(scaled['triggers'], [
    {
      type: 'prometheus',
      metricType: 'AverageValue',
      metadata: {
        serverAddress: 'https://prometheus.monitoring:9090',
        query: 'max(ocpp_operator_processors_recommended{namespace="default",cluster="city"})',
        threshold: '1',
        ignoreNullValues: 'false',
      },
    },
  ]);
  t.deepEqual(autoscalers(made), [KEDA], 'a Prometheus without credentials needs no TriggerAuthentication');
  const { behavior } = find(rendered(spec({ mode: 'HPA', minReplicas: 2, maxReplicas: 9 })), HPA).spec;
  t.deepEqual(scaled['advanced'], { horizontalPodAutoscalerConfig: { behavior } });
});

test('KEDA gets the credentials of Prometheus from their Secrets, or from a TriggerAuthentication of the user', (t) => {
  const ca = { name: 'prometheus', key: 'ca.crt' };
  const token = { name: 'prometheus', key: 'token' };
  const secrets = { ...PROMETHEUS, caSecretRef: ca, tokenSecretRef: token };
  const made = spec({ mode: 'KEDA', prometheus: secrets, keda: { query: 'q', threshold: '2' } });
  t.deepEqual(autoscalers(made), [AUTHENTICATION, KEDA], 'the ScaledObject finds it');
  t.deepEqual(find(rendered(made), AUTHENTICATION).spec, {
    secretTargetRef: [
      { parameter: 'bearerToken', ...token },
      { parameter: 'ca', ...ca },
    ],
  });
  const triggerOf = (of: OcppClusterSpec) =>
    (find(rendered(of), KEDA).spec['triggers'] as readonly [Record<string, object>])[0];
  t.like(triggerOf(made), {
    metadata: { authModes: 'bearer', query: 'q', threshold: '2' },
    authenticationRef: { name: 'city-processor' },
  });
  const onlyCa = spec({ mode: 'KEDA', prometheus: { ...PROMETHEUS, caSecretRef: ca } });
  t.false('authModes' in (triggerOf(onlyCa)['metadata'] ?? {}), 'there is no token to send');
  const theirs = spec({ mode: 'KEDA', prometheus: secrets, keda: { triggerAuthentication: 'mine' } });
  t.deepEqual(autoscalers(theirs), [KEDA]);
  t.deepEqual(triggerOf(theirs)['authenticationRef'], { name: 'mine' });
});

test('a paused scale-in stops the scale-in of both', (t) => {
  const selectPolicy = (mode: 'HPA' | 'KEDA', pauseScaleIn: boolean) => {
    const objects = rendered(spec({ mode, prometheus: PROMETHEUS }), { pauseScaleIn });
    return /"scaleDown":\{[^}]*"selectPolicy":"(\w+)"/.exec(JSON.stringify(objects))?.[1];
  };
  for (const mode of ['HPA', 'KEDA'] as const)
    t.deepEqual([selectPolicy(mode, false), selectPolicy(mode, true)], ['Max', 'Disabled'], mode);
  const made = spec({ mode: 'KEDA', prometheus: PROMETHEUS });
  const annotations = (pauseScaleIn: boolean) =>
    find(rendered(made, { pauseScaleIn }), KEDA).metadata.annotations;
  t.deepEqual(annotations(true), { 'autoscaling.keda.sh/paused-scale-in': 'true' });
  t.is(annotations(false), undefined);
});

const ABSENT: readonly (readonly [string, OcppClusterSpec, Parameters<typeof rendered>[1]?])[] = [
  ['mode Internal has none', spec({})],
  ['mode Off has none', spec({ mode: 'Off' })],
  ['an HPA waits for the number of replicas', { processor: { autoscaling: { mode: 'HPA' } } }],
  [
    'a ScaledObject waits for the number of replicas',
    { processor: { autoscaling: { mode: 'KEDA', prometheus: PROMETHEUS } } },
  ],
  ['the HPA waits for the end of a ScaledObject', spec({ mode: 'HPA' }), { holdAutoscaler: true }],
  [
    'a ScaledObject needs KEDA',
    spec({ mode: 'KEDA', prometheus: PROMETHEUS }),
    { serves: ({ kind }) => kind !== 'ScaledObject' },
  ],
];
for (const [title, of, context] of ABSENT)
  test(`no autoscaler: ${title}`, (t) => t.deepEqual(autoscalers(of, context), []));

test('the autoscaler of another mode holds the new one until it is deleted', (t) => {
  const live = { apiVersion: 'v', kind: 'k', metadata: { name: 'city-processor' } };
  const ending = { ...live, metadata: { ...live.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  t.true(hasOtherAutoscaler({ KEDA: live }, 'HPA'));
  t.true(hasOtherAutoscaler({ HPA: live }, 'KEDA'));
  t.false(hasOtherAutoscaler({ KEDA: ending }, 'HPA'), 'a finalizer may never end without KEDA');
  t.false(hasOtherAutoscaler({ HPA: live }, 'HPA'));
  t.false(hasOtherAutoscaler({ HPA: live, KEDA: live }, 'Internal'));
});

test('mode KEDA without KEDA is reported with the remedy', (t) => {
  const problems = (of: OcppClusterSpec, served: boolean) =>
    missingAddOns(defaultedSpec(city(of)), () => served);
  const made = spec({ mode: 'KEDA', prometheus: PROMETHEUS });
  t.deepEqual(problems(made, true), []);
  t.deepEqual(problems(spec({ mode: 'HPA' }), false), [], 'every Kubernetes cluster serves that kind');
  t.regex(problems(made, false).join(), /ScaledObject.*keda\.sh\/v1alpha1.*Install KEDA/);
});
