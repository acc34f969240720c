/**
 * What keeps the autoscaler of modes HPA and KEDA from working, as the condition AutoscalingActive: in its own words, which its
 * controller writes to its status. Pure.
 */
import type { Autoscaler, AutoscalerCondition, Autoscalers, Mode } from '../observe/autoscalers.ts';
import { type ConditionValue, conditionFalse } from './conditions.ts';

/** A controller that answers at all has answered by then; ms. The HorizontalPodAutoscaler controller runs every 15 s. */
const ANSWER_MS = 60_000;

export interface AutoscalerFindings {
  readonly mode: Mode;
  /** As observed. */
  readonly autoscalers: Autoscalers | undefined;
  /** ms since 1970 */
  readonly now: number;
}

interface Rule {
  readonly type: string;
  /** The status of a condition that is a problem. */
  readonly wrong: string;
}

interface Kind {
  readonly name: string;
  readonly controller: string;
  /** Most telling first. */
  readonly rules: readonly Rule[];
  readonly check: string;
}

const KINDS: Readonly<Record<'HPA' | 'KEDA', Kind>> = {
  HPA: {
    name: 'HorizontalPodAutoscaler',
    controller: 'kube-controller-manager runs it in a Kubernetes cluster; npm start has none',
    rules: [
      { type: 'AbleToScale', wrong: 'False' },
      { type: 'ScalingActive', wrong: 'False' },
    ],
    check:
      'Check that an adapter serves the metric (kubectl get --raw /apis/external.metrics.k8s.io/v1beta1) and',
  },
  KEDA: {
    name: 'ScaledObject',
    controller: 'the operator of KEDA has to run',
    rules: [
      { type: 'Ready', wrong: 'False' },
      { type: 'Fallback', wrong: 'True' },
    ],
    check: 'Check that Prometheus answers the query of the trigger, and',
  },
};

/** @returns undefined while the autoscaler works, and in the modes without one */
export function autoscalerProblem({
  mode,
  autoscalers,
  now,
}: AutoscalerFindings): ConditionValue | undefined {
  if (mode !== 'HPA' && mode !== 'KEDA') return undefined;
  const kind = KINDS[mode];
  const autoscaler = autoscalers?.[mode];
  if (autoscaler === undefined) {
    const message = `mode ${mode}: there is no ${kind.name} yet; the number of processors stays`;
    return { status: 'Unknown', reason: 'AutoscalerMissing', message };
  }
  const conditions = autoscaler.status?.conditions ?? [];
  const described = `${kind.name} ${autoscaler.metadata.name}`;
  const found = kind.rules
    .map(({ type, wrong }) => conditions.find((one) => one.type === type && one.status === wrong))
    .find((one) => one !== undefined);
  if (found !== undefined)
    return conditionFalse(
      'AutoscalerFails',
      `${described}: ${wordsOf(found)}. ${adviceOf(kind, autoscaler)}`,
    );
  if (isAnswered(kind, conditions)) return undefined;
  return unanswered(`${described} has no answer from its controller`, kind, autoscaler, now);
}

/** KEDA writes conditions with the status Unknown before it knows anything. */
const isAnswered = ({ rules: [first] }: Kind, conditions: readonly AutoscalerCondition[]): boolean =>
  conditions.some(({ type, status }) => type === first?.type && status !== 'Unknown');

function unanswered(what: string, kind: Kind, { metadata }: Autoscaler, now: number): ConditionValue {
  const ageMs = now - Date.parse(metadata.creationTimestamp ?? '');
  if (ageMs < ANSWER_MS) return { status: 'Unknown', reason: 'AutoscalerStarting', message: `${what} yet` };
  const message = `${what} since ${metadata.creationTimestamp}; the number of processors stays: ${kind.controller}`;
  return conditionFalse('AutoscalerFails', message);
}

const wordsOf = ({ type, status, reason = '', message = '' }: AutoscalerCondition): string =>
  `${type} is ${status}${reason === '' ? '' : ` (${reason})`}: ${message}`
    .replace(/[.: ]+$/, '')
    .slice(0, 2000);

const adviceOf = ({ name, check }: Kind, { metadata }: Autoscaler): string =>
  `${check} see kubectl -n ${metadata.namespace ?? 'default'} describe ${name.toLowerCase()} ${metadata.name}`;
