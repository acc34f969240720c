/**
 * The next step of a rollout: from its last state, the proxy sets and what their Pods report, to the next state and what to do.
 * Pure and level-triggered: each pass decides from what it sees, so a new leader continues where the last one was.
 * docs/decisions/0016-rollouts.md has the phases.
 */
import type { RolloutStatus } from '../api/ocpp-cluster.ts';
import type { DrainOrder } from '../../services/contract.ts';
import { type DrainOrders, orderAll } from './orders.ts';
import { advance } from './phases.ts';
import { isEmpty, isEmptySet, type ProxyPod, type ProxySet, sessionsOf, stayingPods } from './proxy-set.ts';
import { setsToKeep } from './set-history.ts';
import { ended, isRunning, type RolloutInput, type Step, timeOf } from './step.ts';

export interface PlannedSet {
  readonly name: string;
  readonly replicas: number;
  /** The rendered template is applied; otherwise its own is kept. */
  readonly isRendered: boolean;
}

export interface RolloutPlan {
  readonly state: RolloutStatus | undefined;
  /** The set that the Service is to select. */
  readonly serving: string;
  /** All sets that are to exist. */
  readonly sets: readonly PlannedSet[];
  readonly orders: DrainOrders;
  /** Ids of Pods to test now. */
  readonly selfTests: readonly string[];
}

export function planRollout(input: RolloutInput): RolloutPlan {
  const { sets, template, state } = input;
  const serving = servingSet(input);
  if (serving === undefined) return firstSet(input);
  if (isRunning(state) && input.hold) return held(input, serving, state);
  const wanted = isRunning(state) ? redirect(input, serving, state) : beginning(input, serving);
  if (wanted === 'in-place') return settled(input, serving, true);
  if (wanted === undefined) return settled(input, serving, serving.template === template);
  const target = setOf(sets, wanted);
  const step = advance({ ...input, state: wanted, servingSet: serving, newSet: target });
  if (step.inPlace === true) return settled({ ...input, state: step.state }, serving, true);
  return planOf(input, step);
}

/** Undefined: no set serves, nor can one of them serve: those without Pods have been replaced. */
function servingSet({ sets, serving, template }: RolloutInput): ProxySet | undefined {
  const holding = (set: ProxySet) => set.pods.reduce((sum, pod) => sum + 1 + (sessionsOf(pod) ?? 0), 0);
  const isUsed = (set: ProxySet) => set.replicas > 0 || set.pods.length > 0 || set.template === template;
  // Without a Service, or when its set was deleted: the set with the most stations.
  return (
    sets.find(({ name }) => name === serving) ??
    sets.filter(isUsed).sort((a, b) => holding(b) - holding(a))[0]
  );
}

/** The set that a rollout leads to; without a Deployment yet it has no Pods. */
function setOf(sets: readonly ProxySet[], { toSet, template = '' }: RolloutStatus): ProxySet {
  return (
    sets.find(({ name }) => name === toSet) ?? { name: toSet, template, replicas: 0, lastUsedAt: 0, pods: [] }
  );
}

function firstSet(input: RolloutInput): RolloutPlan {
  const { settings, baseName, template, replicas, sets } = input;
  const name = settings.strategy === 'Rolling' ? baseName : nameOfSet(input);
  const known = sets.find((set) => set.name === name);
  return settled(input, known ?? { name, template, replicas, lastUsedAt: 0, pods: [] }, true);
}

/** The state to begin with, 'in-place' for a rolling update, or undefined: there is nothing to do. */
function beginning(input: RolloutInput, serving: ProxySet): RolloutStatus | 'in-place' | undefined {
  const { sets, settings, template, state, retry, hold } = input;
  if (hold) return undefined;
  if (serving.template === template) {
    const left = sets.some((set) => set.name !== serving.name && set.pods.length > 0);
    const back = state?.phase === 'Aborted' && state.toSet !== serving.name;
    if (!left) return undefined;
    return begin(input, { phase: 'Moving', toSet: serving.name, ...(back && { fromSet: state.toSet }) });
  }
  if (state?.phase === 'Aborted' && state.template === template && (state.retry ?? '') === (retry ?? '')) {
    return undefined;
  }
  if (settings.strategy === 'Rolling') return 'in-place';
  return begin(input, { phase: 'Preparing', toSet: nameOfSet(input), fromSet: serving.name });
}

/** The spec may change while a rollout runs. */
function redirect(
  input: RolloutInput,
  serving: ProxySet,
  state: RolloutStatus,
): RolloutStatus | 'in-place' | undefined {
  const { template, sets } = input;
  if (state.phase === 'GoingBack' || state.template === template) return state;
  const others = sets.some(({ name, pods }) => name !== serving.name && pods.some((pod) => !isEmpty(pod)));
  if (serving.template === template && !others) {
    const message = 'cancelled: the spec asks again for the set that serves';
    return ended(state, 'Completed', message, input.now);
  }
  return beginning({ ...input, state: undefined }, serving);
}

function begin(
  { template, retry, now }: RolloutInput,
  rest: Pick<RolloutStatus, 'phase' | 'toSet' | 'fromSet'>,
): RolloutStatus {
  const at = timeOf(now);
  return {
    id: `${template}-${Math.floor(now / 1000).toString(36)}`,
    template,
    startedTime: at,
    phaseTime: at,
    progressTime: at,
    ...(retry !== undefined && { retry }),
    ...rest,
  };
}

/** The set of this template if there is one; else a name that no set has. */
function nameOfSet({ sets, baseName, template }: RolloutInput): string {
  const known = sets.find((set) => set.template === template);
  if (known !== undefined) return known.name;
  const taken = (name: string) => sets.some((set) => set.name === name);
  let name = `${baseName}-${template}`;
  for (let number = 2; taken(name); number += 1) name = `${baseName}-${template}-${number}`;
  return name;
}

/** No rollout runs. @param isRendered whether the serving set has the rendered template */
function settled(input: RolloutInput, serving: ProxySet, isRendered: boolean): RolloutPlan {
  const { sets, state } = input;
  const others = sets.filter(({ name }) => name !== serving.name);
  const kept = setsToKeep(others, input.settings.revisionHistoryLimit);
  const planned = others
    .filter(({ name }) => kept.has(name))
    .map((set) => ({ name: set.name, replicas: isEmptySet(set) ? 0 : set.replicas, isRendered: false }));
  return {
    state,
    serving: serving.name,
    sets: [
      { name: serving.name, replicas: servingReplicas(input, serving.replicas), isRendered },
      ...planned,
    ],
    orders: new Map(takenBack(serving, state)),
    selfTests: [],
  };
}

/** A set with stations gets smaller in the passes after a rollout, by a scale-in that moves them first. */
function servingReplicas({ replicas, state }: RolloutInput, live: number): number {
  return isRunning(state) ? Math.max(live, replicas) : replicas;
}

/** A Pod that could not be reached at the end of a rollout still has its mode. */
function takenBack(serving: ProxySet, state: RolloutStatus | undefined): [string, DrainOrder][] {
  const isLeft = ({ report }: ProxyPod) =>
    typeof report === 'object' &&
    report.leaving !== true &&
    (report.mode === 'refusing' || report.mode === 'draining');
  return stayingPods(serving)
    .filter(isLeft)
    .map(({ id }) => [id, { mode: 'accepting', rollout: state?.id ?? '' }]);
}

/** Paused: Pods that drain keep their remaining stations. */
function held(input: RolloutInput, serving: ProxySet, state: RolloutStatus): RolloutPlan {
  const old = input.sets.filter(({ name }) => name !== serving.name);
  const moving = state.phase !== 'Preparing' && state.phase !== 'Switching';
  const orders = moving ? orderAll(old, { mode: 'refusing', rollout: state.id }) : [];
  return planOf(input, { state, serving: serving.name, orders });
}

function planOf(input: RolloutInput, step: Step): RolloutPlan {
  const { sets, replicas, template } = input;
  const { state, serving } = step;
  const names = new Set([...sets.map(({ name }) => name), state.toSet]);
  const running = isRunning(state);
  const history = sets.filter(
    ({ name }) => name !== serving && name !== state.toSet && name !== state.fromSet,
  );
  const kept = setsToKeep(history, input.settings.revisionHistoryLimit);
  const replicasOf = (name: string) => {
    const given = step.replicas?.get(name);
    if (given !== undefined) return given;
    const live = sets.find((one) => one.name === name)?.replicas ?? 0;
    if (name === serving) return servingReplicas(input, live);
    return running && name === state.toSet ? replicas : live;
  };
  const planned = [...names]
    .filter((name) => !history.some((one) => one.name === name) || kept.has(name))
    .map((name) => {
      const live = sets.find((one) => one.name === name);
      return {
        name,
        replicas: replicasOf(name),
        isRendered: live === undefined || live.template === template,
      };
    })
    // A set that was never created, and is given up.
    .filter(({ name }) => sets.some((one) => one.name === name) || running);
  return {
    state,
    serving,
    sets: planned,
    orders: new Map(step.orders ?? []),
    selfTests: step.selfTests ?? [],
  };
}
