/** From release 0.1.0 to this version: first the operator, which no station may notice, then the Pods, with one move per station. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { firstImage, installOperator, removeEverything } from '../../e2e/environment.ts';
import { provideImage } from '../../e2e/image.ts';
import { get, list, type Manifest, until } from '../../e2e/kubectl.ts';
import { checkOut, RELEASE } from '../earlier-release.ts';
import { atMost, exactly, movedOnce, nothingLost, type Observation, paced } from '../expectations.ts';
import { clusterSpec } from '../settings.ts';
import type { Scenario, Trial } from '../trial.ts';

interface Pod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly uid: string };
}
interface Service {
  readonly spec: { readonly selector: Readonly<Record<string, string>> };
}
interface Deployment {
  readonly spec: { readonly replicas: number };
}

/** Label that the Deployment controller gives to Pods. */
const POD_TEMPLATE_HASH = 'pod-template-hash';
/** The new operator's leader has then looked at the cluster several times. */
const WATCH_MS = 20_000;
/**
 * Revision 3 has another template of Redis, which is replaced within seconds; meanwhile no processor is ready. The kubelet may try its volume
 * again, as the API server does not know yet that the Pod is on that node.
 */
const REDIS_REPLACED: ReadonlySet<string> = new Set([
  'RedisNotReady',
  'NoProcessorReady',
  'RedisNotStarting',
]);

/** Afterwards the operator of this version is there, whatever happened in between. */
async function installRelease(): Promise<AsyncDisposable> {
  const folder = await checkOut(RELEASE.commit);
  try {
    const image = await provideImage(`e2e-${RELEASE.version}`, { folder });
    // A definition of this version would hide what is missing in that of the release.
    await removeEverything();
    await installOperator(image, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { [Symbol.asyncDispose]: async () => installOperator(firstImage) };
}

const plainSet = ({ at }: Trial) => `${at.cluster}-ws-proxy`;

/** Uids of all Pods of the cluster: also processors and Redis. */
async function podsOf({ at }: Trial): Promise<readonly string[]> {
  const pods = await list<Pod>('pods', at.namespace, `app.kubernetes.io/instance=${at.cluster}`);
  return pods.map(({ metadata }) => metadata.uid).sort();
}

async function selectorOf(trial: Trial): Promise<Service['spec']['selector']> {
  return (await get<Service>('service', plainSet(trial), trial.at.namespace))?.spec.selector ?? {};
}

/** What both versions say; words of a reason may change. */
function statements({ status }: OcppCluster): Readonly<Record<string, string | undefined>> {
  const conditions = ['Available', 'Degraded', 'Progressing'].map((type) => [
    type,
    status?.conditions?.find((one) => one.type === type)?.status,
  ]);
  const { phase, image, renderRevision, endpoints, proxy, processor } = status ?? {};
  return {
    ...(Object.fromEntries(conditions) as Record<string, string | undefined>),
    phase,
    image,
    renderRevision: String(renderRevision),
    endpoints: endpoints?.join(' '),
    ready: `${proxy?.readyReplicas} ${processor?.readyReplicas}`,
  };
}

/** Only the operator changes. */
async function upgradeOperator(trial: Trial): Promise<void> {
  const { noted, sampler } = trial;
  const [podsBefore, before] = [await podsOf(trial), statements(await trial.cluster())];
  sampler.mark('operator upgraded');
  await installOperator(firstImage);
  await until('a status of the new operator', 60, async () => {
    return (await trial.cluster()).status?.proxy?.servingSet !== undefined;
  });
  await sleep(WATCH_MS);
  const after = await trial.cluster();
  const podsAfter = await podsOf(trial);
  const said = statements(after);
  noted['podsReplaced'] = podsBefore.filter((uid) => !podsAfter.includes(uid)).length;
  noted['statusDiffers'] = Object.keys(before).filter((field) => before[field] !== said[field]).length;
  noted['endedByOperator'] = trial.moves().moves + trial.moves().drops;
  noted['degradedByOperator'] = sampler.degraded.size;
  noted['plainServes'] = after.status?.proxy?.servingSet === plainSet(trial) ? 1 : 0;
  noted['unpinned'] = POD_TEMPLATE_HASH in (await selectorOf(trial)) ? 0 : 1;
}

/** The Pods follow when the spec names the image. */
async function upgradePods(trial: Trial): Promise<void> {
  const { noted, settings, at } = trial;
  const { repository, tag } = firstImage;
  const { rollout } = clusterSpec(settings).proxy;
  await trial.change({ image: { repository, tag }, proxy: { rollout } });
  await until('the rollout', 60, async () => {
    return (await trial.cluster()).status?.rollout?.phase === 'Preparing';
  });
  noted['pinned'] = POD_TEMPLATE_HASH in (await selectorOf(trial)) ? 1 : 0;
  const { fromSet } = await trial.ended();
  noted['fromPlain'] = fromSet === plainSet(trial) ? 1 : 0;
  const old = await get<Deployment>('deployment', plainSet(trial), at.namespace);
  if (old !== undefined) noted['oldReplicas'] = old.spec.replicas;
}

function operatorUpgraded({ noted }: Observation) {
  return [
    exactly('Pods replaced by the upgrade of the operator', noted['podsReplaced'], 0),
    exactly('connections that ended by it', noted['endedByOperator'], 0),
    exactly('statements of the status that it changed', noted['statusDiffers'], 0),
    exactly('reasons for which it was Degraded then', noted['degradedByOperator'], 0),
    exactly('the Deployment of the release serves', noted['plainServes'], 1),
    exactly('its Service is as before', noted['unpinned'], 1),
  ];
}

function podsUpgraded(seen: Observation) {
  const { noted, rollout, mostEnding, degradedMeanwhile, sessionsOfOldPods } = seen;
  const reasons = degradedMeanwhile.filter((reason) => !REDIS_REPLACED.has(reason));
  return [
    exactly('Service pinned to the old Pods while new ones start', noted['pinned'], 1),
    exactly('the Deployment of the release is the old set', noted['fromPlain'], 1),
    exactly('phase of the rollout', rollout?.phase, 'Completed'),
    atMost('old Pods that end at the same time', mostEnding, 1),
    exactly('replicas of the old set', noted['oldReplicas'], 0),
    exactly('old Pods left', sessionsOfOldPods.length, 0),
    exactly('Degraded later, beside the replaced Redis, because of', reasons.join(' '), ''),
  ];
}

const upgrade: Scenario = {
  name: 'upgrade',
  prepare: installRelease,
  spec(settings) {
    const { proxy, ...rest } = clusterSpec(settings);
    const { rollout: _, ...known } = proxy;
    return { ...rest, proxy: known };
  },
  async run(trial) {
    await upgradeOperator(trial);
    await upgradePods(trial);
  },
  expect: (seen) => [
    ...operatorUpgraded(seen),
    ...podsUpgraded(seen),
    ...movedOnce(seen),
    ...paced(seen),
    ...nothingLost(seen),
  ],
};

export const UPGRADES: readonly Scenario[] = [upgrade];
