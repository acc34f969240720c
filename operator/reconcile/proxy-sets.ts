/** The proxy sets of a pass: which of them are rendered, which stay as they are, and which one the Service selects. Pure. */
import type {
  DefaultedSpec,
  OcppCluster,
  ProxyRebalanceStatus,
  ProxyScaleInStatus,
  RolloutStatus,
} from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import type { Observed } from '../observe/observe.ts';
import { stateOf } from '../observe/workloads.ts';
import { pausesOf, REBALANCE, RETRY_ROLLOUT } from '../observe/pauses.ts';
import { nameOf, type RenderContext } from '../render/render-input.ts';
import { keptSet, observedSets, servingLabels } from '../rollout/observed-sets.ts';
import { planRollout, type RolloutPlan } from '../rollout/plan.ts';
import type { PodReports } from '../rollout/pod-reports.ts';
import type { ProxySet } from '../rollout/proxy-set.ts';
import { planScaleIn, type ScaleInPlan } from '../rollout/scale-in.ts';
import { planRebalance, type RebalancePlan } from '../rollout/rebalance.ts';
import { isRunning } from '../rollout/step.ts';
import type { Signals } from '../scaling/demand.ts';
import type { Rendering } from './rendering.ts';

export interface ProxySetsInput {
  readonly cluster: OcppCluster;
  readonly spec: DefaultedSpec;
  readonly observed: Observed;
  readonly signals: Signals;
  readonly reports: PodReports;
  readonly rollout: RolloutStatus | undefined;
  readonly scaleIn: ProxyScaleInStatus | undefined;
  readonly rebalance: ProxyRebalanceStatus | undefined;
  /** Absent: the admin ports take no orders. */
  readonly adminSecret?: string | undefined;
  readonly rendering: Rendering;
  readonly context: RenderContext;
  /** Number of Pods that the serving set is to have. */
  readonly replicas: number;
  /** ms since 1970 */
  readonly now: number;
}

export interface ProxySets {
  /** With the orders of all plans. */
  readonly plan: RolloutPlan;
  readonly scaleIn: ScaleInPlan;
  readonly rebalance: RebalancePlan;
  /** For the rendering of all objects. */
  readonly context: RenderContext;
  /** Sets that are not rendered and get another number of Pods. */
  readonly changed: readonly KubeObject[];
  /** Names of the sets that are neither rendered nor changed. */
  readonly kept: readonly string[];
}

export function planProxySets(input: ProxySetsInput): ProxySets {
  const { cluster, spec, observed, signals, reports, rollout, context, now } = input;
  const rendered = input.rendering.proxyTemplate(cluster, context);
  const sets = observedSets({ cluster, observed, reports, sessionsOf: signals.sessionsOf, rendered, now });
  const scaleIn = scaleInOf(input, sets);
  const { replicas } = scaleIn;
  const pauses = pausesOf(cluster);
  const baseName = nameOf(cluster, 'ws-proxy');
  const plan = planRollout({
    settings: spec.proxy.rollout,
    transactions: spec.proxy.drain.transactions,
    baseName,
    template: rendered.hash,
    replicas,
    sets,
    serving: observed.proxy?.metadata.name,
    state: rollout,
    counts: reports.counts,
    retry: cluster.metadata.annotations?.[RETRY_ROLLOUT],
    hold: pauses.paused || context.holdRollouts === true,
    now,
  });
  const one = plan.sets.find(({ isRendered }) => isRendered);
  const isAlone = plan.sets.every(
    ({ name, replicas: wanted }) =>
      name === plan.serving ||
      (wanted === 0 && !sets.some((set) => set.name === name && set.pods.length > 0)),
  );
  const others = plan.sets.filter((set) => set !== one);
  const changed = others.flatMap(({ name, replicas: wanted }) => {
    const live = observed.proxySets.find(({ metadata }) => metadata.name === name);
    return live === undefined || live.spec?.replicas === wanted ? [] : [keptSet(live, wanted, now)];
  });
  const rebalance = rebalanceOf(input, sets, scaleIn.state !== undefined || isRunning(plan.state));
  return {
    // A rollout decides for all Pods.
    plan: { ...plan, orders: new Map([...rebalance.orders, ...scaleIn.orders, ...plan.orders]) },
    scaleIn,
    rebalance,
    changed,
    kept: others
      .map(({ name }) => name)
      .filter((name) => !changed.some(({ metadata }) => metadata.name === name)),
    context: {
      ...context,
      proxySet:
        one === undefined
          ? 'none'
          : { name: one.name, template: rendered.hash, isLabelled: one.name !== baseName },
      proxyReplicas: one?.replicas ?? replicas,
      servingLabels: servingLabels({ cluster, observed }, plan.serving, isAlone),
    },
  };
}

/** What a Pod may need beyond the deadline of its drain and the time-out of an open CALL; seconds. */
const MARGIN_SECONDS = 30;

function scaleInOf(input: ProxySetsInput, sets: readonly ProxySet[]): ScaleInPlan {
  const { cluster, spec, observed, rollout, scaleIn, adminSecret, replicas, now } = input;
  // Nothing is applied, so nothing is ordered either.
  if (pausesOf(cluster).paused) {
    return { replicas, orders: [], emptied: new Set(), ...(scaleIn !== undefined && { state: scaleIn }) };
  }
  return planScaleIn({
    state: scaleIn,
    set: servingSet(input, sets),
    wanted: replicas,
    givesOrders: adminSecret !== undefined,
    blocked: isRunning(rollout) || stateOf(observed.proxy).rolling,
    limitMs: (spec.proxy.drain.deadlineSeconds + spec.processor.callTimeoutSeconds + MARGIN_SECONDS) * 1000,
    now,
  });
}

/** @param isBusy a rollout or a scale-in runs */
function rebalanceOf(input: ProxySetsInput, sets: readonly ProxySet[], isBusy: boolean): RebalancePlan {
  const { cluster, spec, observed, rebalance, reports, adminSecret, now } = input;
  if (pausesOf(cluster).paused) return { orders: [], ...(rebalance !== undefined && { state: rebalance }) };
  return planRebalance({
    value: cluster.metadata.annotations?.[REBALANCE],
    state: rebalance,
    set: servingSet(input, sets),
    givesOrders: adminSecret !== undefined,
    blocked: isBusy || stateOf(observed.proxy).rolling,
    counts: reports.counts,
    ratePerSecond: spec.proxy.drain.ratePerSecond,
    returnMs: spec.proxy.rollout.returnWithinSeconds * 1000,
    now,
  });
}

const servingSet = ({ observed }: ProxySetsInput, sets: readonly ProxySet[]): ProxySet | undefined =>
  sets.find(({ name }) => name === observed.proxy?.metadata.name);
