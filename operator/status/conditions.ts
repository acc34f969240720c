/** The conditions of a cluster from what was observed, with messages for a person at night. Pure. */
import type { Condition, ConditionType, DefaultedSpec, OcppClusterStatus } from '../api/ocpp-cluster.ts';
import type { ScaleDecision } from '../scaling/processors.ts';
import type { Signals } from '../scaling/demand.ts';
import type { ProxyScaleDecision } from '../scaling/proxies.ts';
import type { Problem } from '../reconcile/apply.ts';
import { draining, drainsOf } from './drains.ts';
import { highlyAvailable } from './high-availability.ts';
import type { Observed } from '../reconcile/observe.ts';
import { ANNOTATION, type Orders } from '../reconcile/pauses.ts';
import type { Release } from '../reconcile/release.ts';
import { no, type Verdict, yes } from './verdict.ts';
import { podTrouble, stateOf, type WorkloadState, workloadTrouble } from '../reconcile/workloads.ts';

export interface Findings {
  readonly spec: DefaultedSpec;
  readonly observed: Observed;
  readonly orders: Orders;
  readonly release: Release;
  readonly signals: Signals;
  readonly scale: ScaleDecision;
  readonly proxies: ProxyScaleDecision;
  readonly problems: readonly Problem[];
  readonly before: OcppClusterStatus | undefined;
  /** ms since 1970 */
  readonly now: number;
}

export function verdicts(findings: Findings): Readonly<Record<ConditionType, Verdict>> {
  const redis = redisReady(findings);
  const available = sinceStart(isAvailable(findings, redis), findings);
  return {
    Available: available,
    Progressing: progressing(findings),
    Degraded: degraded(findings, available),
    Draining: draining(drainsOf(findings.observed, findings.signals)),
    RedisReady: redis,
    HighlyAvailable: highlyAvailable(findings.spec),
    AutoscalingActive: findings.scale.condition,
  };
}

function redisReady({ spec, observed }: Findings): Verdict {
  const processors = stateOf(observed.processor);
  if (spec.redis.external !== undefined) {
    const address = spec.redis.external.addresses.join(', ');
    if (processors.ready > 0) return yes('Connected', `processors are connected to ${address}`);
    return no('NotConnected', `no processor is connected to ${address}; see their logs`);
  }
  const { name } = observed.redis?.metadata ?? { name: 'redis' };
  if (stateOf(observed.redis).ready > 0) return yes('Ready', `${name}-0 answers`);
  return no('NotReady', `${name}-0 does not answer. Stations stay connected and wait; nothing is lost`);
}

function isAvailable({ observed }: Findings, redis: Verdict): Verdict {
  const proxies = stateOf(observed.proxy).ready;
  const processors = stateOf(observed.processor).ready;
  if (proxies === 0) return no('NoProxyReady', 'no ws-proxy Pod is ready: stations cannot connect');
  if (redis.status !== 'True') return no('RedisNotReady', `stations get no answers: ${redis.message}`);
  if (processors === 0) return no('NoProcessorReady', 'no processor Pod is ready: stations get no answers');
  return yes('Serving', `${proxies} ws-proxy and ${processors} processor Pods are ready`);
}

/** Reason of Available for a cluster that has never been so: nothing is lost yet. */
const STARTING = 'Starting';

function sinceStart(available: Verdict, { before }: Findings): Verdict {
  if (available.status === 'True') return available;
  const last = before?.conditions?.find(({ type }) => type === 'Available');
  const started = last !== undefined && last.reason !== STARTING;
  return started ? available : { ...available, reason: STARTING };
}

function progressing(findings: Findings): Verdict {
  const { spec, observed, orders, scale, proxies, problems } = findings;
  if (orders.paused) {
    return no('Paused', `nothing is changed while the annotation ${ANNOTATION.paused} is "true"`);
  }
  const replaced = problems.filter(({ reason }) => reason === 'BeingReplaced');
  if (replaced.length > 0) return yes('BeingReplaced', told(replaced));
  const parts: (readonly [string, WorkloadState, number])[] = [
    ['ws-proxy', stateOf(observed.proxy), proxies.replicas],
    ['processor', stateOf(observed.processor), scale.replicas],
  ];
  if (spec.redis.embedded !== undefined) parts.push(['redis', stateOf(observed.redis), 1]);
  const rolling = parts.filter(([, state]) => state.rolling);
  const held = rolloutsHeld(findings);
  if (rolling.length > 0 && held !== undefined) return no(held.reason, `${held.message}: ${listed(rolling)}`);
  if (rolling.length > 0) return yes('RollingOut', `Pods are being replaced: ${listed(rolling)}`);
  const unseen = parts.filter(([, state]) => state.unseen);
  if (unseen.length > 0) return yes('Updating', `a change is being put into effect: ${listed(unseen)}`);
  const moving = parts.filter(([, state, wanted]) => state.ready !== wanted || state.replicas !== wanted);
  if (moving.length > 0) return yes('WaitingForPods', `ready of wanted: ${listed(moving)}`);
  return no('Settled', 'everything is as the spec asks');
}

/** Why Pods of a changed template are not replaced. */
function rolloutsHeld({ orders, release }: Findings): Verdict | undefined {
  if (orders.pauseRollouts) {
    const message = `Pods are left as they are while the annotation ${ANNOTATION.pauseRollouts} is "true"`;
    return no('RolloutsPaused', message);
  }
  if (release.unknownRevision === undefined) return undefined;
  const message =
    `a newer operator made these Pods (render revision ${release.unknownRevision}, this one knows ${release.renderRevision}): ` +
    'they are left as they are; upgrade the operator, or set spec.image or spec.upgrade: Auto to have them replaced by its own';
  return no('MadeByNewerOperator', message);
}

const listed = (parts: readonly (readonly [string, WorkloadState, number])[]) =>
  parts.map(([name, { ready }, wanted]) => `${name} ${ready}/${wanted}`).join(', ');

const told = (problems: readonly Problem[]) =>
  problems
    .map(({ message }) => message)
    .join('; ')
    .slice(0, 4000);

function degraded({ observed, problems, now }: Findings, available: Verdict): Verdict {
  const lasting = problems.filter(({ reason }) => reason !== 'BeingReplaced');
  const [problem] = lasting;
  if (problem !== undefined) return yes(problem.reason, told(lasting));
  const workloads = [observed.redis, observed.processor, observed.proxy].map(workloadTrouble);
  const troubles = [...workloads, ...observed.pods.map((pod) => podTrouble(pod, now))].filter(
    (one) => one !== undefined,
  );
  if (troubles.length > 0) return yes('PodsNotStarting', troubles.slice(0, 3).join('; ').slice(0, 4000));
  const lost = available.status !== 'True' && available.reason !== STARTING;
  if (lost) return yes(available.reason, available.message);
  return no('AsExpected', 'nothing is wrong');
}

/** Keeps the transition time of what did not change. */
export function conditionsOf(
  found: Readonly<Record<ConditionType, Verdict>>,
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
