/** Kubernetes Events for the changes between two statuses. Pure. */
import type { ConditionType, OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { rejectedText } from './security.ts';

export interface ClusterEvent {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
}

type Transition = readonly [ConditionType, 'True' | 'False', ClusterEvent['type'], string];

/** Condition, its new status, and the Event. */
const TRANSITIONS: readonly Transition[] = [
  ['Available', 'True', 'Normal', 'Available'],
  ['Available', 'False', 'Warning', 'Unavailable'],
  ['RedisReady', 'True', 'Normal', 'RedisReady'],
  ['RedisReady', 'False', 'Warning', 'RedisLost'],
  ['Degraded', 'True', 'Warning', 'Degraded'],
  ['Degraded', 'False', 'Normal', 'Recovered'],
  ['Draining', 'True', 'Normal', 'DrainStarted'],
  ['Draining', 'False', 'Normal', 'DrainFinished'],
  ['Secured', 'True', 'Normal', 'Secured'],
  ['Secured', 'False', 'Warning', 'NotSecured'],
  ['AutoscalingActive', 'True', 'Normal', 'AutoscalingActive'],
  ['AutoscalingActive', 'False', 'Warning', 'AutoscalingHolds'],
];

export function eventsBetween(
  before: OcppClusterStatus | undefined,
  after: OcppClusterStatus,
): readonly ClusterEvent[] {
  return [
    ...scaling(before, after),
    ...ignoredScale(before, after),
    ...uselessScale(before, after),
    ...rollout(before, after),
    ...phases(before, after),
    ...rebalanced(before, after),
    ...pauses(before, after),
    ...transitions(before, after),
    ...nextProblem(before, after),
    ...refusedFiles(before, after),
  ];
}

function pauses(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const [then, now] = [before, after].map((status) => conditionOf(status, 'Progressing'));
  const paused = (one: typeof now) => one?.reason === 'Paused' || one?.reason === 'RolloutsPaused';
  if (then === undefined || now === undefined || paused(then) === paused(now)) return [];
  return [{ type: 'Normal', reason: paused(now) ? 'Paused' : 'Resumed', message: now.message }];
}

function scaling(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const scaled = [
    ['ScaledProxies', before?.proxy?.autoscaling, after.proxy?.autoscaling],
    ['ScaledProcessors', before?.autoscaling, after.autoscaling],
  ] as const;
  return scaled.flatMap(([event, { desiredReplicas: from } = {}, { desiredReplicas: to, reason } = {}]) => {
    if (from === undefined || to === undefined || from === to) return [];
    return [{ type: 'Normal', reason: event, message: `scaled from ${from} to ${to}: ${reason ?? ''}` }];
  });
}

/** A person who scales, and sees nothing happen, looks here. */
function ignoredScale(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const [then, now] = [before, after].map((status) => status?.autoscaling?.ignoredReplicas);
  if (before === undefined || now === undefined || now === then) return [];
  // The number is left over from the other mode.
  if (before.autoscaling?.mode !== after.autoscaling?.mode) return [];
  const message =
    `spec.processor.replicas is ${now}, which autoscaling.mode Internal ignores: the load decides on the number, now ` +
    `${after.autoscaling?.desiredReplicas}. To scale by hand, set the mode to Off; for a least number, set minReplicas`;
  return [{ type: 'Warning', reason: 'ScaleIgnored', message }];
}

function uselessScale(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const [then, now] = [before, after].map((status) => status?.autoscaling?.ceiling);
  if (now !== undefined && then === undefined) {
    const message = `no scale-out above ${now.replicas} processors, as it does not help: ${now.evidence}`;
    return [{ type: 'Warning', reason: 'ScaleOutDoesNotHelp', message }];
  }
  const why = conditionOf(after, 'AutoscalingActive')?.reason;
  if (now !== undefined || then === undefined || why === 'Paused' || why === 'Off') return [];
  const message = `the number of processors may exceed ${then.replicas} again`;
  return [{ type: 'Normal', reason: 'ScaleOutHelpsAgain', message }];
}

/** Event messages have room for so many Pods. */
const PODS_SHOWN = 20;

function rebalanced(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const [then, now] = [before?.proxy?.rebalance, after.proxy?.rebalance];
  if (now?.finishedTime === undefined || (then?.id === now.id && then.finishedTime !== undefined)) return [];
  const shown = (stations: readonly number[] = []) =>
    stations.slice(0, PODS_SHOWN).join(', ') + (stations.length > PODS_SHOWN ? ', …' : '');
  const { before: first, after: last, message = '' } = now;
  const figures =
    last === undefined ? '' : `stations of each Pod: before ${shown(first)}; after ${shown(last)}; `;
  return [{ type: 'Normal', reason: 'Rebalanced', message: figures + message }];
}

function rollout(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const image =
    before?.image !== undefined && before.image !== after.image
      ? [
          {
            type: 'Normal',
            reason: 'ImageChanged',
            message: `image changed from ${before.image} to ${after.image}`,
          } as const,
        ]
      : [];
  const rolls = (status: OcppClusterStatus | undefined) =>
    conditionOf(status, 'Progressing')?.reason === 'RollingOut';
  const message = conditionOf(after, 'Progressing')?.message ?? '';
  const started = before?.phase !== undefined && before.phase !== 'Pending' && !rolls(before) && rolls(after);
  return started ? [...image, { type: 'Normal', reason: 'RolloutStarted', message }] : image;
}

type RolloutPhase = NonNullable<OcppClusterStatus['rollout']>['phase'];

const PHASES: Partial<Record<RolloutPhase, readonly [ClusterEvent['type'], string]>> = {
  Switching: ['Normal', 'RolloutSwitched'],
  Moving: ['Normal', 'RolloutMoving'],
  GoingBack: ['Warning', 'RolloutGoingBack'],
  Completed: ['Normal', 'RolloutCompleted'],
  Aborted: ['Warning', 'RolloutAborted'],
};

/** A rollout with two sets reached its next phase. */
function phases(
  { rollout: then } = {} as OcppClusterStatus,
  { rollout: now }: OcppClusterStatus,
): ClusterEvent[] {
  const [type, reason] = PHASES[now?.phase ?? 'Preparing'] ?? [];
  if (now === undefined || type === undefined || reason === undefined) return [];
  if (then?.id === now.id && then.phase === now.phase) return [];
  const { moved, returned, gapSeconds, message = '', toSet } = now;
  const figures =
    moved === undefined || (now.phase !== 'Completed' && now.phase !== 'Aborted')
      ? ''
      : `; ${moved} stations moved, ${returned ?? 0} returned` +
        (gapSeconds === undefined
          ? ''
          : `, half of them within ${gapSeconds.p50} s, 99 % within ${gapSeconds.p99} s`);
  return [{ type, reason, message: `${toSet}: ${message}${figures}` }];
}

/** A second problem gets an Event too, although the condition is already True. */
function nextProblem(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const [then, now] = [before, after].map((status) => conditionOf(status, 'Degraded'));
  if (then?.status !== 'True' || now?.status !== 'True' || then.reason === now.reason) return [];
  return [{ type: 'Warning', reason: 'Degraded', message: now.message }];
}

/** Of a listener too that shares its cluster with one that asks nothing: the condition is False then anyway. */
function refusedFiles(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  const { rejected: then = [] } = before?.security ?? {};
  const { rejected: now = [] } = after.security ?? {};
  const [fresh, over] = [
    now.filter(
      (one) => !then.some(({ listener, problem }) => listener === one.listener && problem === one.problem),
    ),
    then.filter(({ listener }) => !now.some((one) => one.listener === listener)),
  ];
  return [
    ...(fresh.length === 0
      ? []
      : [{ type: 'Warning', reason: 'TlsFilesRefused', message: rejectedText(fresh) } as const]),
    ...(over.length === 0
      ? []
      : [
          {
            type: 'Normal',
            reason: 'TlsFilesAccepted',
            message: `the TLS files of ${over.map(({ listener }) => listener).join(', ')} are in use`,
          } as const,
        ]),
  ];
}

function transitions(before: OcppClusterStatus | undefined, after: OcppClusterStatus): ClusterEvent[] {
  return TRANSITIONS.flatMap(([condition, status, type, reason]) => {
    const then = conditionOf(before, condition);
    const now = conditionOf(after, condition);
    if (now?.status !== status || then?.status === status) return [];
    // The first status: a cluster that is still being created is not "lost", and conditions that are fine get no Event.
    if (then === undefined && (type === 'Normal' || condition !== 'Degraded')) return [];
    // Requested by the user.
    if (now.reason === 'Off' || now.reason === 'Paused') return [];
    return [{ type, reason, message: now.message }];
  });
}

const conditionOf = (status: OcppClusterStatus | undefined, type: ConditionType) =>
  status?.conditions?.find((one) => one.type === type);
