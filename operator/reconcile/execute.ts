/** What one pass writes besides the status: the decided objects, the password, the volume size, the Pods' deletion costs. */
import type { Log } from '../../services/runtime/log.ts';
import { OCPP_CLUSTERS, type OcppCluster, type RedisStatus } from '../api/ocpp-cluster.ts';
import { keyOf } from '../controller/caches.ts';
import { StoreError } from '../kube/object-store.ts';
import type { Observed } from '../observe/observe.ts';
import { stateOf } from '../observe/workloads.ts';
import type { Problem } from '../status/conditions.ts';
import { ensureApiAdmin } from './api-admin.ts';
import { type Applied, applyObjects, type Pass, prunable } from './apply.ts';
import type { Decision } from './decision.ts';
import { ClusterGone, DeletionGuard } from './deletion-guard.ts';
import { adminSecret } from '../render/admin-access.ts';
import { generatedKeyName, passwordKeySecret } from '../render/front-door/authentication.ts';
import { DEPLOYMENTS } from '../render/resources.ts';
import { ensurePassword, ensureSecret, growVolume, volumeProblem } from './embedded-redis.ts';
import { addOnProblems } from './missing-add-ons.ts';
import { passwordKey } from './password-key.ts';
import { writeAnnotations } from './pod-annotations.ts';
import type { ReconcilerOptions, ReconcileState } from './state.ts';

export interface Executed {
  readonly problems: readonly Problem[];
  readonly redis: RedisStatus | undefined;
  /** The Secret with the key of stored passwords that was created for this cluster. */
  readonly createdKey?: string;
  /** Why the pass is incomplete; it is retried. */
  readonly failure?: StoreError;
}

/** How long passes fail before the status reports it: earlier, the next pass may well succeed; ms. */
const FAILING_MS = 30_000;

/** @throws StoreError for failures that the next pass may not have */
export async function execute(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  state: ReconcileState,
  decision: Decision,
  observed: Observed,
): Promise<Executed> {
  const now = options.clock.now();
  try {
    const executed = await executeSteps(options, cluster, state, decision, observed);
    state.failingSince = undefined;
    return executed;
  } catch (error) {
    if (!(error instanceof StoreError) || error instanceof ClusterGone) throw error;
    state.failingSince ??= now;
    if (now - state.failingSince < FAILING_MS) throw error;
    const since = new Date(state.failingSince).toISOString().slice(0, 19);
    const message = `changes have not been fully applied since ${since}Z; the operator keeps retrying: ${error.message}`;
    return { problems: [{ reason: 'NotApplied', message }], redis: decision.redis, failure: error };
  }
}

async function executeSteps(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  state: ReconcileState,
  { spec, redis, processors, podDeletionCosts, passwordRefresh, objects, keptSets }: Decision,
  observed: Observed,
): Promise<Executed> {
  const { store, caches, clock, log } = options;
  const kinds = prunable(caches);
  const pass = { store, caches, cluster, deletionGuard: new DeletionGuard(store, caches, cluster) };
  const problems: (Problem | undefined)[] = [];
  const size = spec.redis.embedded?.storage.size;
  let written = redis;
  const key = passwordKeySecret(cluster, spec);
  let createdKey = state.status?.security?.passwordKeySecretName;
  // A second one would be another key: one that is missing is for its owner to restore.
  const mayCreate = key === generatedKeyName(cluster) && createdKey !== key;
  if (secretsDue(options, state, observed, key)) {
    await pass.deletionGuard.confirm();
    if (redis !== undefined) problems.push(await ensurePassword(store, cluster, redis));
    if (state.admin !== undefined)
      problems.push(await ensureSecret(store, adminSecret(cluster, state.admin)));
    if (mayCreate) {
      const problem = await ensureSecret(store, passwordKey(cluster));
      problems.push(problem);
      if (problem === undefined) createdKey = generatedKeyName(cluster);
    }
  }
  if (redis !== undefined && size !== undefined && redis.storage !== size) {
    const problem = await growVolume(store, cluster, size);
    problems.push(problem);
    if (problem === undefined) written = { ...redis, storage: size };
  }
  if (redis !== undefined && clock.now() - state.volumeReadAt >= VOLUME_READ_MS) {
    state.volumeReadAt = clock.now();
    state.volumeProblem = await volumeProblem(store, cluster);
  }
  problems.push(state.volumeProblem);
  await writeAnnotations(store, podDeletionCosts, log, 'Kubernetes may remove any Pod first');
  await writeAnnotations(store, passwordRefresh, log, 'the Pod of Redis reads its password file later');
  problems.push(await seedScale(pass, processors.seedReplicas));
  const kept = keptSets.map((name) => `${DEPLOYMENTS.kind}/${name}`);
  const applied = await applyObjects(pass, objects, kinds, kept);
  if (spec.api.enabled) {
    const { state: apiAdmin, problem } = await ensureApiAdmin(pass, observed, state.apiAdmin, clock.now());
    state.apiAdmin = apiAdmin;
    problems.push(problem);
  }
  const addOns = addOnProblems(spec, caches, state.status, clock.now() - state.since);
  const all = [...problems.filter((problem) => problem !== undefined), ...applied.problems, ...addOns];
  logApplied(log, cluster, { ...applied, problems: all }, state);
  return { problems: all, redis: written, ...(createdKey !== undefined && { createdKey }) };
}

/**
 * Before the objects are applied: an autoscaler cannot read a scale without a number, and continues from an old one.
 * @throws StoreError when the API server is unreachable or busy; ClusterGone
 */
async function seedScale(
  { store, cluster, deletionGuard }: Pass,
  replicas: number | undefined,
): Promise<Problem | undefined> {
  if (replicas === undefined) return undefined;
  deletionGuard.check();
  const { name, namespace = 'default' } = cluster.metadata;
  try {
    await store.scale({ resource: OCPP_CLUSTERS, name, namespace }, replicas);
    return undefined;
  } catch (error) {
    if (!(error instanceof StoreError) || error.retryable) throw error;
    return { reason: 'Refused', message: `the number of processors was refused: ${error.message}` };
  }
}

/** Claims are not watched: each is read so often. */
const VOLUME_READ_MS = 30_000;

/** Pods that do not start are the only sign of a deleted Secret, as Secrets cannot be read. */
const SECRETS_RETRY_MS = 10_000;

function secretsDue(
  { clock }: ReconcilerOptions,
  state: ReconcileState,
  observed: Observed,
  key: string | undefined,
): boolean {
  const isNew = key !== state.passwordKey;
  state.passwordKey = key;
  const workloads = [observed.redis, observed.processor, ...observed.proxySets];
  const ready = workloads.every((one) => one !== undefined && stateOf(one).ready >= stateOf(one).desired);
  // Once by each leader: a cluster of an earlier release has no Secret for its admin ports.
  const known = Number.isFinite(state.secretsWrittenAt);
  const isDone = (ready && known) || clock.now() - state.secretsWrittenAt < SECRETS_RETRY_MS;
  if (isDone && !isNew) return false;
  state.secretsWrittenAt = clock.now();
  return true;
}

function logApplied(log: Log, cluster: OcppCluster, applied: Applied, state: ReconcileState): void {
  const { changed, pruned, problems } = applied;
  const fields = { cluster: keyOf(cluster.metadata) };
  if (changed.length > 0) log.info({ ...fields, changed }, 'objects created or changed');
  if (pruned.length > 0) log.info({ ...fields, pruned }, 'deleted objects that are no longer rendered');
  // Every pass finds the same problems, so each is logged once.
  // A variable of another client hinders no apply.
  const hindering = problems.filter(({ reason }) => reason !== 'ForeignVariable');
  const problem = hindering.map(({ message }) => message).join('; ');
  if (problem !== '' && problem !== state.problem) {
    const temporary = hindering.every(({ reason }) => reason === 'BeingReplaced');
    if (temporary) log.info({ ...fields, problem }, 'objects not applied yet');
    else log.warn({ ...fields, problem }, 'objects not applied');
  }
  state.problem = problem;
}
