/** The conditions of a cluster, from what was observed and decided. Each message says what is wrong and what to do. Pure. */
import type {
  Condition,
  ConditionType,
  DefaultedSpec,
  OcppClusterStatus,
  ProxyScaleInStatus,
  RolloutStatus,
} from '../api/ocpp-cluster.ts';
import type { ProcessorScaleDecision } from '../scaling/decision.ts';
import type { Signals } from '../scaling/demand.ts';
import type { ProxyScaleDecision } from '../scaling/proxies.ts';
import { ANNOTATION, type Pauses, RETRY_ROLLOUT } from '../observe/pauses.ts';
import type { Release } from '../render/release.ts';
import { hasApi, hasBillSink } from '../render/render-input.ts';
import type { RolloutPlan } from '../rollout/plan.ts';
import { isRebalancing, type RebalancePlan } from '../rollout/rebalance.ts';
import type { ScaleInPlan } from '../rollout/scale-in.ts';
import { isRunning } from '../rollout/step.ts';
import { idOf, type Observed, podsOf } from '../observe/observe.ts';
import { podFailure } from '../observe/pod-failure.ts';
import { type Pod, stateOf, type WorkloadState, workloadFailure } from '../observe/workloads.ts';

export interface Problem {
  /** `BeingReplaced` resolves by itself, the others need an administrator. */
  readonly reason:
    | 'BeingReplaced'
    | 'NameTaken'
    | 'Refused'
    | 'AddOnMissing'
    | 'NotApplied'
    | 'DataLost'
    | 'PrefixTaken'
    | 'LoginRefused'
    | 'VolumeTerminating'
    | 'DeregistrationTooShort'
    | 'StationSourceFailing'
    | 'SettingsRejected'
    | 'ApiNotRunning'
    | 'BillSinkNotRunning'
    | 'UnknownVariable'
    | 'ForeignVariable';
  readonly message: string;
}

export interface StatusFindings {
  readonly spec: DefaultedSpec;
  readonly observed: Observed;
  readonly pauses: Pauses;
  readonly release: Release;
  readonly signals: Signals;
  readonly processors: ProcessorScaleDecision;
  readonly proxies: ProxyScaleDecision;
  readonly rollout: Pick<RolloutPlan, 'state' | 'serving' | 'sets'>;
  readonly scaleIn?: Pick<ScaleInPlan, 'state'>;
  readonly rebalance?: Pick<RebalancePlan, 'state'>;
  readonly problems: readonly Problem[];
  /** What the Events of Pods say, by uid: only of Pods whose status gives no reason. */
  readonly podEvents?: ReadonlyMap<string, string>;
  readonly before: OcppClusterStatus | undefined;
  /** ms since 1970 */
  readonly now: number;
}

/** A condition without the generation and the transition time of metav1.Condition. */
export type ConditionValue = Pick<Condition, 'status' | 'reason' | 'message'>;

export const conditionFalse = (reason: string, message: string): ConditionValue => ({
  status: 'False',
  reason,
  message,
});
export const conditionTrue = (reason: string, message: string): ConditionValue => ({
  status: 'True',
  reason,
  message,
});

export function redisReady({ spec, observed, signals }: StatusFindings): ConditionValue {
  const processors = stateOf(observed.processor);
  if (processors.ready === 0 && (signals.store?.loginRefused.length ?? 0) > 0)
    return conditionFalse('LoginRefused', 'Redis refuses the password of the Pods; see Degraded');
  if (spec.redis.external !== undefined) {
    const address = spec.redis.external.addresses.join(', ');
    if (processors.ready > 0) return conditionTrue('Connected', `processors are connected to ${address}`);
    return conditionFalse('NotConnected', `no processor is connected to ${address}; see the processor logs`);
  }
  const { name } = observed.redis?.metadata ?? { name: 'redis' };
  if (stateOf(observed.redis).ready > 0) return conditionTrue('Ready', `${name}-0 answers`);
  return conditionFalse(
    'NotReady',
    `${name}-0 does not answer. Stations stay connected and wait; no message is lost`,
  );
}

/** Reason of Available for a cluster that was never available: this is no outage. */
const STARTING = 'Starting';

export function available(findings: StatusFindings, redis: ConditionValue): ConditionValue {
  const value = serving(findings, redis);
  const last = findings.before?.conditions?.find(({ type }) => type === 'Available');
  const started = last !== undefined && last.reason !== STARTING;
  return value.status === 'True' || started ? value : { ...value, reason: STARTING };
}

function serving({ observed }: StatusFindings, redis: ConditionValue): ConditionValue {
  const proxies = stateOf(observed.proxy).ready;
  const processors = stateOf(observed.processor).ready;
  if (proxies === 0)
    return conditionFalse('NoProxyReady', 'no ws-proxy Pod is ready: stations cannot connect');
  if (redis.status !== 'True')
    return conditionFalse('RedisNotReady', `stations get no answers: ${redis.message}`);
  if (processors === 0)
    return conditionFalse('NoProcessorReady', 'no processor Pod is ready: stations get no answers');
  return conditionTrue('Serving', `${proxies} ws-proxy and ${processors} processor Pods are ready`);
}

export function progressing(findings: StatusFindings): ConditionValue {
  const { spec, observed, pauses, processors, proxies, problems } = findings;
  if (pauses.paused) {
    return conditionFalse(
      'Paused',
      `the operator changes nothing while the annotation ${ANNOTATION.paused} is "true"`,
    );
  }
  const replaced = problems.filter(({ reason }) => reason === 'BeingReplaced');
  if (replaced.length > 0) return conditionTrue('BeingReplaced', messagesOf(replaced));
  const rollout = progressOf(findings);
  if (rollout !== undefined) return rollout;
  const parts: (readonly [string, WorkloadState, number])[] = [
    ['ws-proxy', stateOf(observed.proxy), proxies.replicas],
    ['processor', stateOf(observed.processor), processors.replicas],
  ];
  if (spec.redis.embedded !== undefined) parts.push(['redis', stateOf(observed.redis), 1]);
  if (hasApi({ spec, renderRevision: findings.release.renderRevision }))
    parts.push(['api', stateOf(observed.api), spec.api.replicas]);
  if (hasBillSink({ spec, renderRevision: findings.release.renderRevision }))
    parts.push(['bill-sink', stateOf(observed.billSink), 1]);
  const rolling = parts.filter(([, state]) => state.rolling);
  const paused = rolloutsPaused(findings);
  if (rolling.length > 0 && paused !== undefined)
    return conditionFalse(paused.reason, `${paused.message}: ${listed(rolling)}`);
  if (isOutdated(findings.rollout) && paused !== undefined)
    return conditionFalse(paused.reason, `${paused.message}: ws-proxy`);
  if (rolling.length > 0) return conditionTrue('RollingOut', `Pods are being replaced: ${listed(rolling)}`);
  const updating = parts.filter(([, state]) => state.generationNotObserved);
  if (updating.length > 0)
    return conditionTrue('Updating', `Kubernetes has not processed the last change yet: ${listed(updating)}`);
  const scaleIn = findings.scaleIn?.state;
  if (scaleIn !== undefined) return conditionTrue('ScalingIn', scalingInText(scaleIn));
  const waiting = parts.filter(([, state, desired]) => state.ready !== desired || state.replicas !== desired);
  if (waiting.length > 0) return conditionTrue('WaitingForPods', `Pods ready/desired: ${listed(waiting)}`);
  const rebalance = findings.rebalance?.state;
  if (isRebalancing(rebalance)) return conditionTrue('Rebalancing', `rebalance: ${rebalance?.message ?? ''}`);
  return conditionFalse('Settled', 'all Pods are ready and match the spec');
}

const scalingInText = ({ pods, message = '' }: ProxyScaleInStatus) =>
  pods.length === 0
    ? `scale-in ${message}`
    : `scale-in of ${pods.slice(0, 3).join(', ')}${pods.length > 3 ? ', …' : ''}: ${message}`;

/** Of a rollout with two sets. */
function progressOf(findings: StatusFindings): ConditionValue | undefined {
  const { state } = findings.rollout;
  if (!isRunning(state)) return undefined;
  const { phase, fromSet = 'the other sets', toSet, message = '' } = state;
  const text = `rollout from ${fromSet} to ${toSet}, ${phase}: ${message}`;
  const paused = rolloutsPaused(findings);
  return paused === undefined
    ? conditionTrue('RollingOut', text)
    : conditionFalse(paused.reason, `${paused.message}: ${text}`);
}

/** Why Pods with an outdated template are not replaced. */
function rolloutsPaused({ pauses, release }: StatusFindings): ConditionValue | undefined {
  if (pauses.pauseRollouts) {
    const message = `Pods are not replaced while the annotation ${ANNOTATION.pauseRollouts} is "true"`;
    return conditionFalse('RolloutsPaused', message);
  }
  if (release.unknownRevision === undefined) return undefined;
  const message =
    `a newer operator created these Pods (render revision ${release.unknownRevision}; this operator knows ${release.renderRevision}), ` +
    'so they are not replaced. Upgrade the operator, or set spec.image or spec.upgrade: Auto to replace them with its own Pods';
  return conditionFalse('MadeByNewerOperator', message);
}

const listed = (parts: readonly (readonly [string, WorkloadState, number])[]) =>
  parts.map(([name, { ready }, desired]) => `${name} ${ready}/${desired}`).join(', ');

const messagesOf = (problems: readonly Problem[]) =>
  problems
    .map(({ message }) => message)
    .join('; ')
    .slice(0, 4000);

/** They stop nothing, so they stand beside other problems and never in front. */
const MINOR: ReadonlySet<string> = new Set([
  'UnknownVariable',
  'ForeignVariable',
  'DeregistrationTooShort',
  'ApiNotRunning',
  'BillSinkNotRunning',
]);

export function degraded(findings: StatusFindings, availability: ConditionValue): ConditionValue {
  const minor = findings.problems.filter(({ reason }) => MINOR.has(reason));
  const problems = findings.problems.filter(({ reason }) => !MINOR.has(reason));
  const value = seriouslyDegraded({ ...findings, problems }, availability);
  const [first] = minor;
  if (first === undefined) return value;
  if (value.status !== 'True') return conditionTrue(first.reason, messagesOf(minor));
  return { ...value, message: `${value.message}; ${messagesOf(minor)}`.slice(0, 8000) };
}

function seriouslyDegraded(
  { observed, podEvents, problems, rollout, now }: StatusFindings,
  availability: ConditionValue,
): ConditionValue {
  const lasting = problems.filter(({ reason }) => reason !== 'BeingReplaced');
  const [problem] = lasting;
  if (problem !== undefined) return conditionTrue(problem.reason, messagesOf(lasting));
  if (isStopped(rollout)) return conditionTrue('RolloutAborted', abortedText(rollout.state));
  const workloads = [observed.redis, observed.processor, ...observed.proxySets].map(workloadFailure);
  const failures = [
    ...workloads,
    ...ofStations(observed).map((pod) => podFailure(pod, now, podEvents?.get(idOf(pod)))),
  ].filter((one) => one !== undefined);
  if (failures.length > 0)
    return conditionTrue('PodsNotStarting', failures.slice(0, 3).join('; ').slice(0, 4000));
  const lost = availability.status !== 'True' && availability.reason !== STARTING;
  if (lost) return conditionTrue(availability.reason, availability.message);
  return conditionFalse('AsExpected', 'no problem found');
}

/** Without those of the HTTP API and of the bill sink, which have problems of their own. */
function ofStations(observed: Observed): readonly Pod[] {
  const others = new Set([...podsOf(observed, 'api'), ...podsOf(observed, 'bill-sink')]);
  return observed.pods.filter((pod) => !others.has(pod));
}

/** The spec asks for another template than the one of the serving set. */
const isOutdated = ({ serving, sets }: StatusFindings['rollout']) =>
  sets.some(({ name, isRendered }) => name === serving && !isRendered);

/** The spec still asks for the template of a rollout that went back. */
function isStopped(
  rollout: StatusFindings['rollout'],
): rollout is StatusFindings['rollout'] & { readonly state: RolloutStatus } {
  const { state } = rollout;
  return state?.phase === 'GoingBack' || (state?.phase === 'Aborted' && isOutdated(rollout));
}

/** With figures, and how to go on. */
function abortedText({ message = '', moved = 0, returned = 0, template = '' }: RolloutStatus): string {
  return (
    `the rollout of the ws-proxy template ${template} was stopped (${moved} stations moved, ${returned} returned): ${message}. ` +
    `Correct spec.image or spec.proxy; to try the same template again, set the annotation ${RETRY_ROLLOUT} to another value`
  );
}

/** Keeps the transition time of each condition whose status did not change. */
export function conditionsOf(
  found: Readonly<Record<ConditionType, ConditionValue>>,
  before: readonly Condition[],
  observedGeneration: number,
  now: string,
): readonly Condition[] {
  return Object.entries(found).map(([type, { status, reason, message }]) => {
    const last = before.find((one) => one.type === type);
    const lastTransitionTime = last?.status === status ? last.lastTransitionTime : now;
    return { type: type as ConditionType, status, reason, message, observedGeneration, lastTransitionTime };
  });
}
