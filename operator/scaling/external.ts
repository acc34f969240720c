/**
 * The number of processors in modes Off, HPA and KEDA: spec.processor.replicas, which a person or an autoscaler writes through
 * the scale subresource. A change of the mode keeps the number: the present one is written there first. Pure.
 */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';
import { followed, held, SCALE_IN_PAUSED } from './explain.ts';
import type { ProcessorScaleDecision, ProcessorScaleInput, Recommendation } from './decision.ts';
import { scaled } from './steps.ts';

type Mode = 'Off' | 'HPA' | 'KEDA';

const DECIDES: Readonly<Record<Mode, string>> = {
  Off: 'spec.processor.replicas applies',
  HPA: 'the HorizontalPodAutoscaler decides',
  KEDA: 'KEDA decides',
};

export function externalNumber(
  input: ProcessorScaleInput,
  recommended: Recommendation,
  mode: Mode,
): ProcessorScaleDecision {
  const { deployment, previous, fixedReplicas, now } = input;
  const { current } = recommended;
  // The value that mode Internal ignored may be months old.
  const isLeftOver = fixedReplicas !== undefined && fixedReplicas === previous.ignoredReplicas;
  const wanted = isLeftOver ? current : (fixedReplicas ?? current);
  const replicas = Math.max(input.holdScaleIn === true ? (deployment?.replicas ?? 0) : 0, wanted);
  const needsSeed = isLeftOver ? fixedReplicas !== current : fixedReplicas === undefined && mode !== 'Off';
  const condition = conditionOf(input, recommended, mode, replicas);
  const paused = replicas > wanted ? `; ${SCALE_IN_PAUSED}` : '';
  const message = condition.message + paused;
  return {
    replicas,
    autoscaling: {
      ...recommended.kept,
      ...scaled(current, replicas, now),
      desiredReplicas: replicas,
      reason: message,
      // Until the written value is seen.
      ...(isLeftOver && needsSeed && { ignoredReplicas: fixedReplicas }),
    } satisfies AutoscalingStatus,
    condition: { ...condition, message },
    ...(needsSeed && { seedReplicas: wanted }),
  };
}

function conditionOf(
  { signals, now }: ProcessorScaleInput,
  recommended: Recommendation,
  mode: Mode,
  replicas: number,
): ProcessorScaleDecision['condition'] {
  const decides = `autoscaling.mode is ${mode}: ${DECIDES[mode]} (${replicas})`;
  if (mode === 'Off') return { status: 'False', reason: 'Off', message: decides };
  const { load, limits } = recommended;
  const found = typeof load === 'string' ? held(load, replicas, signals) : followed(load, recommended, now);
  return { ...found, message: [decides, found.message, ...limits].join('; ') };
}
