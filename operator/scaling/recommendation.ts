/** What the load asks for, as far as it helps, and the state that every mode keeps. Pure. */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';
import { CAPACITY_PRIOR, smoothCapacity } from './capacity.ts';
import type { ProcessorScaleInput, Recommendation } from './decision.ts';
import { demandOf, type Load, loadOf, neededFor, type Present } from './demand.ts';
import { inputsOf } from './explain.ts';
import { type Growth, growthOf, isMeasuring, mostUseful } from './growth.ts';
import { OUT_PERIOD_MS } from './steps.ts';
import { sinceMs } from './window.ts';

const STALE_MS = 15_000;

export function recommendationOf(input: ProcessorScaleInput): Recommendation {
  const { spec, deployment, previous, signals, now } = input;
  const current = previous.desiredReplicas ?? deployment?.replicas ?? spec.minReplicas;
  const capacity = smoothCapacity(previous.capacityPerReplica, signals.work);
  const load = loadOf(signals, input.staleMs ?? STALE_MS);
  const known = typeof load === 'string' ? undefined : load;
  const ready = deployment?.readyReplicas ?? 0;
  const assumed = capacity ?? CAPACITY_PRIOR;
  const present = { capacity: assumed, ready, activity: signals.activity };
  const demand = known && demandOf(known, present, spec.targetDrainSeconds);
  const moment = {
    ready,
    wanted: demand?.replicas ?? 0,
    rolling: deployment?.rolling === true,
    windowMs: spec.scaleDownStabilizationSeconds * 1000,
    now,
  };
  // A number that others decide on is theirs to judge.
  const growth = spec.mode === 'Off' ? {} : growthOf(previous, known, signals, moment);
  const outage = outageOf(input, known);
  const limited =
    known && demand && helpful(demand.replicas, input, { load: known, present, growth, current });
  const replicas = limited && Math.max(limited.replicas, outage === undefined ? 0 : outage.replicas + 1);
  return {
    current,
    load,
    capacity,
    demand,
    replicas,
    limits: [
      ...(limited?.limits ?? []),
      ...(outage === undefined ? [] : ['no processor is ready while frames wait: one more is started']),
    ],
    kept: {
      ...lasting(previous, now),
      mode: spec.mode,
      ...(capacity !== undefined && { capacityPerReplica: capacity }),
      ...(replicas !== undefined && {
        recommendedReplicas: isPartial(input, growth, current) ? Math.max(current, replicas) : replicas,
      }),
      ...(demand !== undefined &&
        demand.replicas > spec.maxReplicas && { lastLimitedTime: new Date(now).toISOString() }),
      ...growth,
      ...(outage !== undefined && { outage }),
      inputs: inputsOf(signals, known),
    },
  };
}

/** While the load is not known in full, or processors are replaced or just help, an autoscaler is not to scale in. */
const isPartial = (
  { signals, deployment }: ProcessorScaleInput,
  { ceiling }: Growth,
  current: number,
): boolean =>
  signals.arrivalsIncomplete === true ||
  deployment?.rolling === true ||
  (ceiling !== undefined && current <= ceiling.replicas);

/** For longer nothing depends on these times, ms. */
const FORGOTTEN_MS = 600_000;

function lasting(
  { lastScaleTime, lastScaleDirection, lastLimitedTime, scaleOut }: AutoscalingStatus,
  now: number,
): AutoscalingStatus {
  return {
    ...(lastScaleTime !== undefined && { lastScaleTime }),
    ...(lastScaleDirection !== undefined && { lastScaleDirection }),
    ...(lastLimitedTime !== undefined && sinceMs(lastLimitedTime, now) < FORGOTTEN_MS && { lastLimitedTime }),
    ...(scaleOut !== undefined && sinceMs(scaleOut.since, now) < OUT_PERIOD_MS && { scaleOut }),
  };
}

/** Pods that take longer to become ready than this have another problem than their start, ms. */
const LONGEST_START_MS = 120_000;

/** The number that the load asks for, without processors that would not help. */
function helpful(
  wanted: number,
  { deployment, previous, now }: ProcessorScaleInput,
  { load, present, growth, current }: Findings,
): { readonly replicas: number; readonly limits: readonly string[] } {
  const { replicas: desired = 0, readyReplicas = 0 } = deployment ?? {};
  const areStarting = readyReplicas < desired && sinceMs(previous.lastScaleTime, now) < LONGEST_START_MS;
  // Frames that wait are no reason for more processors until the last ones have begun to work and were measured.
  const isOpen = readyReplicas === 0 || areStarting || isMeasuring(growth, now);
  // A capacity that falls while all are busy may be that of something which they share.
  const known = Math.max(present.capacity, growth.growth?.calmCapacity ?? 0);
  const forArrivals = neededFor(load, { ...present, capacity: known }) + 1;
  const started = isOpen ? Math.min(wanted, Math.max(current, forArrivals)) : wanted;
  const most = mostUseful(growth, now);
  if (most === undefined || started <= most) return { replicas: started, limits: [] };
  const limit = `no scale-out above ${most}, as it does not help: ${growth.ceiling?.evidence}`;
  return { replicas: most, limits: [limit] };
}

interface Findings {
  readonly load: Load;
  readonly present: Present;
  readonly growth: Growth;
  readonly current: number;
}

/** All processors hang, or their nodes are lost: a new one may start at once, before Kubernetes replaces them. */
function outageOf(
  { deployment, previous }: ProcessorScaleInput,
  load: Load | undefined,
): AutoscalingStatus['outage'] {
  if (load === undefined || deployment === undefined) return previous.outage;
  const { replicas, readyReplicas, rolling, starting = 0 } = deployment;
  if (readyReplicas > 0 || replicas === 0) return undefined;
  if (previous.outage !== undefined) return previous.outage;
  return rolling || starting > 0 || load.queue.depth === 0 ? undefined : { replicas };
}
