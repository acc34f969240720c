/**
 * How many ws-proxies there shall be now, by the stations that are connected. Pure: what is remembered between
 * two decisions goes in and comes out, and lives in the status of the cluster.
 *
 * Stations stay where they are when Pods are added, and are told to come again when one goes. So up at
 * once and as far as is wanted, down one Pod at a time: only to what the whole stabilisation window would
 * have allowed, with some room, never while anything moves. What is missing holds.
 */
import type { DefaultedProxy, ProxyAutoscalingStatus } from '../api/ocpp-cluster.ts';
import { highest, type Recommendations, recent, recommend, sinceMs } from './window.ts';

export interface ProxyScaleInput {
  readonly spec: Pick<DefaultedProxy, 'replicas' | 'maxSessionsPerPod' | 'autoscaling'>;
  /** The Deployment as it is; left out where there is none yet. */
  readonly deployment?: {
    readonly replicas: number;
    readonly readyReplicas: number;
    /** New and old Pods side by side, or a change that its controller has not seen. */
    readonly rolling: boolean;
  };
  /** ws-proxy Pods that are ending. */
  readonly draining: number;
  /** Open station sockets of all Pods, read lately; left out if one of them was not. */
  readonly sessions?: number;
  /** Left out: there was no autoscaling until now. */
  readonly memory?: ProxyAutoscalingStatus;
  /** A person forbade to go down. */
  readonly holdScaleIn?: boolean;
  /** ms since 1970 */
  readonly now: number;
}

export interface ProxyScaleDecision {
  readonly replicas: number;
  /** Left out where the spec says the number. */
  readonly memory?: ProxyAutoscalingStatus;
}

type Autoscaling = NonNullable<DefaultedProxy['autoscaling']>;

/** Share of maxSessionsPerPod above which no Pod shall be filled: room for the stations of one that is lost. */
const FULLEST = 0.8;
/** Share of what counts as a Pod's fill that must do after a step down: or the next station takes it back. */
const ROOM_BELOW = 0.9;
/** A Pod that went has given up its stations by then, and they are counted where they are now. */
const DOWN_INTERVAL_MS = 300_000;

export function decideProxies(input: ProxyScaleInput): ProxyScaleDecision {
  const { spec, deployment } = input;
  const least = input.holdScaleIn === true ? (deployment?.replicas ?? 0) : 0;
  if (spec.autoscaling === undefined) return { replicas: Math.max(least, spec.replicas) };
  return follow(input, spec.autoscaling, least);
}

function follow(input: ProxyScaleInput, spec: Autoscaling, least: number): ProxyScaleDecision {
  const { deployment, memory = {}, sessions, now } = input;
  const current = memory.desiredReplicas ?? deployment?.replicas ?? spec.minReplicas;
  const within = (replicas: number) => Math.min(spec.maxReplicas, Math.max(spec.minReplicas, replicas));
  const fill = Math.min(spec.targetSessionsPerPod, Math.max(1, input.spec.maxSessionsPerPod * FULLEST));
  const known = sessions !== undefined && Number.isFinite(sessions) && sessions >= 0;
  const wanted = known ? Math.ceil(sessions / fill) : current;
  const enough = known ? Math.ceil(sessions / (fill * ROOM_BELOW)) : current;
  const recommendations = recommend(past(input, spec, current), within(enough), now, windowMs(spec));

  const step = nextStep(input, spec, {
    current,
    wanted: within(wanted),
    enough: within(enough),
    windowed: Math.min(spec.maxReplicas, highest(recommendations) ?? current),
    known,
  });
  const replicas = Math.max(step.replicas, spec.minReplicas, least);
  const reason = [
    known ? `${Math.round(sessions)} stations, ${Math.round(fill)} a Pod: ${wanted} wanted` : blind(replicas),
    bound(spec, wanted),
    step.limit,
  ]
    .filter((part) => part !== undefined)
    .join('; ');
  return { replicas, memory: remembered(memory, current, replicas, reason, recommendations, now) };
}

const windowMs = (spec: Autoscaling) => spec.scaleDownStabilizationSeconds * 1000;

const blind = (replicas: number) =>
  `holding ${replicas}: not every ws-proxy Pod was read lately. See whether they are ready and answer on their admin port`;

/** Every clamp is told. */
function bound({ minReplicas, maxReplicas }: Autoscaling, replicas: number): string | undefined {
  if (replicas > maxReplicas) return `at most maxReplicas (${maxReplicas})`;
  return replicas < minReplicas ? `at least minReplicas (${minReplicas})` : undefined;
}

/** Who knows nothing of the window (the first decision, a long outage) takes it to have wanted what there is. */
function past({ memory, now }: ProxyScaleInput, spec: Autoscaling, current: number): Recommendations {
  const known = recent(memory?.recommendations ?? [], now, windowMs(spec));
  return known.length > 0 ? known : recommend([], current, now, windowMs(spec));
}

interface Wishes {
  readonly current: number;
  readonly wanted: number;
  /** With room: to go down to. */
  readonly enough: number;
  /** The most of `enough` in the window. */
  readonly windowed: number;
  readonly known: boolean;
}

interface Step {
  readonly replicas: number;
  /** Why it is not what the stations want. */
  readonly limit?: string;
}

function nextStep(input: ProxyScaleInput, spec: Autoscaling, wishes: Wishes): Step {
  const { current, wanted, enough, windowed, known } = wishes;
  if (wanted > current) return { replicas: wanted };
  if (known && windowed < current) return stepDown(input, spec, current, windowed);
  if (enough < current) {
    return { replicas: current, limit: `held by the ${spec.scaleDownStabilizationSeconds} s window` };
  }
  return { replicas: current };
}

function stepDown(input: ProxyScaleInput, spec: Autoscaling, current: number, target: number): Step {
  const hold = (limit: string) => ({ replicas: current, limit: `${target} would do, ${limit}` });
  const { deployment, draining, memory = {}, now } = input;
  if (input.holdScaleIn === true)
    return hold('not down while the annotation ocpp.dev/pause-scale-in is "true"');
  if (deployment === undefined || deployment.rolling) return hold('not during a rollout');
  // One that is not ready may hold stations that nobody counts.
  if (deployment.readyReplicas < current) return hold('not while Pods are not ready');
  if (draining > 0) return hold(`not while ${draining} Pods give up their stations`);
  // A short window is a wish for a quick descent.
  const paceMs = Math.min(DOWN_INTERVAL_MS, windowMs(spec));
  if (sinceMs(memory.lastScaleTime, now) < paceMs) return hold(`next step down within ${paceMs / 1000} s`);
  return { replicas: current - 1 };
}

function remembered(
  memory: ProxyAutoscalingStatus,
  from: number,
  to: number,
  reason: string,
  recommendations: Recommendations,
  now: number,
): ProxyAutoscalingStatus {
  const { lastScaleTime } = memory;
  const scaledAt = from === to ? lastScaleTime : new Date(now).toISOString();
  return {
    desiredReplicas: to,
    reason,
    ...(scaledAt !== undefined && { lastScaleTime: scaledAt }),
    recommendations,
  };
}
