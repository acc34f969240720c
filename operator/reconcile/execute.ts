/** What one pass writes beside the status: the decided objects, the password, the volume's size, the costs of Pods. */
import type { Log } from '../../services/runtime/log.ts';
import type { OcppCluster, RedisStatus } from '../api/ocpp-cluster.ts';
import { keyOf } from '../controller/caches.ts';
import { StoreError } from '../kube/object-store.ts';
import { addOnProblems } from './missing-add-ons.ts';
import { type Applied, applyObjects, type Problem, prunable } from './apply.ts';
import type { Decision } from './decision.ts';
import { writeCosts } from './pod-deletion-costs.ts';
import { ensurePassword, growVolume } from './embedded-redis.ts';
import { ClusterGone, Existence } from './deletion-guard.ts';
import type { Memory, ReconcilerOptions } from './state.ts';
import type { Observed } from './observe.ts';
import { stateOf } from './workloads.ts';

export interface Outcome {
  readonly problems: readonly Problem[];
  readonly redis: RedisStatus | undefined;
  /** Why not all is done; to be tried again. */
  readonly failure?: StoreError;
}

/** A pass that fails for so long is told of: before, the next one may well succeed; ms. */
const FAILING_MS = 30_000;

/** @throws StoreError what may be over with the next pass */
export async function attempt(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  memory: Memory,
  decision: Decision,
  observed: Observed,
): Promise<Outcome> {
  const now = options.clock.now();
  try {
    const outcome = await carryOut(options, cluster, memory, decision, observed);
    memory.failingSince = undefined;
    return outcome;
  } catch (error) {
    if (!(error instanceof StoreError) || error instanceof ClusterGone) throw error;
    memory.failingSince ??= now;
    if (now - memory.failingSince < FAILING_MS) throw error;
    const since = new Date(memory.failingSince).toISOString().slice(0, 19);
    const message = `not all is put into effect since ${since}Z, and tried again and again: ${error.message}`;
    return { problems: [{ reason: 'NotApplied', message }], redis: decision.redis, failure: error };
  }
}

async function carryOut(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  memory: Memory,
  { spec, redis, costs, objects }: Decision,
  observed: Observed,
): Promise<Outcome> {
  const { store, caches, clock, log } = options;
  const kinds = prunable(caches);
  const pass = { store, caches, cluster, existence: new Existence(store, caches, cluster) };
  const problems: (Problem | undefined)[] = [];
  const size = spec.redis.embedded?.storage.size;
  let kept = redis;
  if (redis !== undefined && passwordDue(options, memory, observed)) {
    await pass.existence.confirm();
    problems.push(await ensurePassword(store, cluster, redis));
  }
  if (redis !== undefined && size !== undefined && redis.storage !== size) {
    const problem = await growVolume(store, cluster, size);
    problems.push(problem);
    if (problem === undefined) kept = { ...redis, storage: size };
  }
  await writeCosts(store, costs, log);
  const applied = await applyObjects(pass, objects, kinds);
  const addOns = addOnProblems(spec, caches, memory.status, clock.now() - memory.since);
  const all = [...problems.filter((problem) => problem !== undefined), ...applied.problems, ...addOns];
  logApplied(log, cluster, { ...applied, problems: all }, memory);
  return { problems: all, redis: kept };
}

/** A Secret that was deleted is noticed by Pods that do not start. */
const PASSWORD_AGAIN_MS = 10_000;

function passwordDue({ clock }: ReconcilerOptions, memory: Memory, observed: Observed): boolean {
  const workloads = [observed.redis, observed.processor, observed.proxy];
  const settled = workloads.every((one) => one !== undefined && stateOf(one).ready >= stateOf(one).wanted);
  if (settled || clock.now() - memory.passwordTriedAt < PASSWORD_AGAIN_MS) return false;
  memory.passwordTriedAt = clock.now();
  return true;
}

function logApplied(log: Log, cluster: OcppCluster, applied: Applied, memory: Memory): void {
  const { changed, pruned, problems } = applied;
  const fields = { cluster: keyOf(cluster.metadata) };
  if (changed.length > 0) log.info({ ...fields, changed }, 'objects made or changed');
  if (pruned.length > 0) log.info({ ...fields, pruned }, 'objects deleted that are no longer wanted');
  // They come again with every pass.
  const problem = problems.map(({ message }) => message).join('; ');
  if (problem !== '' && problem !== memory.problem) {
    const soon = problems.every(({ reason }) => reason === 'BeingReplaced');
    log[soon ? 'info' : 'warn']({ ...fields, problem }, 'objects left as they are');
  }
  memory.problem = problem;
}
