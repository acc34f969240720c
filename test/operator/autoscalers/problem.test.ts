/** What AutoscalingActive reports of a HorizontalPodAutoscaler or ScaledObject that does not work. */
import test from 'ava';
import type { Autoscaler, AutoscalerCondition, Mode } from '../../../operator/observe/autoscalers.ts';
import { autoscalerProblem } from '../../../operator/status/autoscaler-problem.ts';

const CREATED = Date.parse('2026-01-01T00:00:00Z');
const autoscaler = (conditions?: readonly AutoscalerCondition[] | null): Autoscaler => ({
  apiVersion: 'any/v1',
  kind: 'Any',
  metadata: { name: 'city-processor', namespace: 'charging', creationTimestamp: '2026-01-01T00:00:00Z' },
  ...(conditions !== undefined && { status: { conditions } }),
});
const condition = (type: string, status: string, reason = 'Because', message = 'of this.') => ({
  type,
  status,
  reason,
  message,
});
const found = (mode: Mode, of: Autoscaler | undefined, ageMs = 300_000) =>
  autoscalerProblem({ mode, autoscalers: { HPA: of, KEDA: of }, now: CREATED + ageMs });

const WELL = {
  HPA: autoscaler([condition('AbleToScale', 'True'), condition('ScalingActive', 'True')]),
  KEDA: autoscaler([condition('Ready', 'True'), condition('Fallback', 'False')]),
};

test('no problem: an autoscaler that works, and the modes without one', (t) => {
  t.is(found('HPA', WELL.HPA), undefined);
  t.is(found('KEDA', WELL.KEDA), undefined);
  const idle = [condition('Ready', 'True'), condition('Fallback', 'Unknown'), condition('Active', 'False')];
  t.is(found('KEDA', autoscaler(idle)), undefined, 'KEDA has not needed its fallback yet');
  for (const mode of ['Internal', 'Off'] as const) t.is(found(mode, undefined), undefined, mode);
  const starting = [condition('AbleToScale', 'True')];
  t.is(found('HPA', autoscaler(starting)), undefined, 'its first answer is this condition alone');
});

const FAILING: readonly (readonly [string, 'HPA' | 'KEDA', readonly AutoscalerCondition[], RegExp])[] = [
  [
    'an HPA without its metric',
    'HPA',
    [
      condition('AbleToScale', 'True'),
      condition('ScalingActive', 'False', 'FailedGetExternalMetric', 'no metrics returned'),
    ],
    /^HorizontalPodAutoscaler city-processor: ScalingActive is False \(FailedGetExternalMetric\): no metrics returned\. .*external\.metrics\.k8s\.io.*kubectl -n charging describe horizontalpodautoscaler city-processor$/,
  ],
  [
    'an HPA that cannot read or write the scale',
    'HPA',
    [condition('AbleToScale', 'False', 'FailedGetScale', 'forbidden')],
    /AbleToScale is False \(FailedGetScale\): forbidden\. /,
  ],
  [
    'an HPA that is turned off by a scale of 0',
    'HPA',
    [condition('AbleToScale', 'True'), condition('ScalingActive', 'False', 'ScalingDisabled')],
    /ScalingActive is False \(ScalingDisabled\): of this\. /,
  ],
  [
    'a ScaledObject that KEDA does not accept',
    'KEDA',
    [condition('Ready', 'False', 'ScaledObjectCheckFailed', 'no Secret')],
    /^ScaledObject city-processor: Ready is False .*no Secret\. Check that Prometheus.*describe scaledobject/,
  ],
  [
    'a ScaledObject in its fallback',
    'KEDA',
    [condition('Ready', 'True'), condition('Fallback', 'True', 'FallbackExists')],
    /Fallback is True \(FallbackExists\)/,
  ],
];
for (const [title, mode, conditions, message] of FAILING)
  test(`a problem in the words of the autoscaler: ${title}`, (t) => {
    const problem = found(mode, autoscaler(conditions));
    t.like(problem, { status: 'False', reason: 'AutoscalerFails' });
    t.regex(problem?.message ?? '', message);
  });

test('a controller that does not answer within a minute is reported', (t) => {
  const silent: readonly (readonly ['HPA' | 'KEDA', Autoscaler])[] = [
    ['HPA', autoscaler()],
    ['HPA', autoscaler(null)],
    ['KEDA', autoscaler([condition('Ready', 'Unknown'), condition('Fallback', 'Unknown')])],
  ];
  for (const [mode, of] of silent) {
    t.like(found(mode, of, 59_999), { status: 'Unknown', reason: 'AutoscalerStarting' });
    t.like(found(mode, of, 60_000), { status: 'False', reason: 'AutoscalerFails' });
  }
  t.regex(found('HPA', autoscaler())?.message ?? '', /npm start has none/);
});

test('an autoscaler that does not exist is reported', (t) => {
  t.like(found('HPA', undefined), { status: 'Unknown', reason: 'AutoscalerMissing' });
  t.regex(found('KEDA', undefined)?.message ?? '', /mode KEDA: there is no ScaledObject/);
});
