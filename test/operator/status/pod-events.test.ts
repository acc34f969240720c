/** A Pod that waits for something missing: its Events name it, and they are read rarely. */
import test from 'ava';
import { podFailure } from '../../../operator/observe/pod-failure.ts';
import type { Pod } from '../../../operator/observe/workloads.ts';
import { StoreError } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { PodEvents } from '../../../operator/reconcile/pod-events.ts';
import { memoryLog } from '../../support/memory-log.ts';

const CREATED = Date.parse('2026-11-23T12:00:00Z');
const at = (seconds: number) => new Date(CREATED + seconds * 1000).toISOString();

const CREATING = { containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] };
const CLAIMS = [{ name: 'data', persistentVolumeClaim: { claimName: 'data-city-redis-0' } }];

function podOf(name: string, spec: Pod['spec'], status: Pod['status'] = {}): Pod {
  const metadata = { name, namespace: 'charging', uid: `uid-${name}`, creationTimestamp: at(0) };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: spec ?? {},
    status: { phase: 'Pending', ...status },
  };
}
const scheduled = (name: string) => podOf(name, { nodeName: 'node-1' }, CREATING);

interface Told {
  readonly about: object;
  readonly reason: string;
  readonly message: string;
  readonly seconds: number;
  readonly type?: string;
}

async function scene(events: readonly Told[]) {
  let now = CREATED;
  let asked = 0;
  let refuses = false;
  const clock = { now: () => now };
  const store = new MemoryObjectStore({ clock, newUid: () => 'uid' });
  for (const [index, { about, reason, message, seconds, type = 'Warning' }] of events.entries()) {
    const metadata = { name: `event-${index}`, namespace: 'charging' };
    const body = { involvedObject: about, type, reason, message, lastTimestamp: at(seconds) };
    await store.apply({ apiVersion: 'v1', kind: 'Event', metadata, ...body });
  }
  const list: MemoryObjectStore['list'] = (...of) => {
    asked += 1;
    if (refuses) throw new StoreError('forbidden', 'no');
    return store.list(...of);
  };
  const reader = new PodEvents({ store: { list }, clock, log: memoryLog() });
  return {
    /** Failures of the Pods, `seconds` after they were created. */
    after: async (seconds: number, ...pods: readonly Pod[]) => {
      now = CREATED + seconds * 1000;
      const says = await reader.read(pods);
      return pods.map((pod) => podFailure(pod, now, says.get(pod.metadata.uid ?? '')));
    },
    refuse: () => (refuses = true),
    asked: () => asked,
  };
}

const podNamed = (name: string) => ({ kind: 'Pod', name, uid: `uid-${name}` });
const claim = { kind: 'PersistentVolumeClaim', name: 'data-city-redis-0', uid: 'uid-claim' };
const SECRET = 'MountVolume.SetUp failed for volume "redis-login" : secret "city-login" not found';
const CLASS = 'storageclass.storage.k8s.io "fast" not found';

const CASES: readonly (readonly [string, Pod, readonly Told[], RegExp | undefined])[] = [
  [
    'a missing Secret',
    scheduled('p'),
    [{ about: podNamed('p'), reason: 'FailedMount', message: SECRET, seconds: 1 }],
    /^Pod p does not start: FailedMount: .*secret "city-login" not found$/,
  ],
  [
    'the latest of two',
    scheduled('p'),
    [
      { about: podNamed('p'), reason: 'FailedMount', message: SECRET, seconds: 5 },
      { about: podNamed('p'), reason: 'FailedMount', message: 'older', seconds: 1 },
    ],
    /city-login/,
  ],
  [
    'a missing StorageClass',
    podOf('p', { volumes: CLAIMS }),
    [{ about: claim, reason: 'ProvisioningFailed', message: CLASS, seconds: -1 }],
    /^Pod p does not start: the volume claim data-city-redis-0 is not bound: ProvisioningFailed: .*"fast" not found$/,
  ],
  [
    'a claim of an earlier cluster of this name',
    podOf('p', { volumes: CLAIMS }),
    [{ about: claim, reason: 'ProvisioningFailed', message: CLASS, seconds: -60 }],
    undefined,
  ],
  [
    'what is no warning',
    scheduled('p'),
    [{ about: podNamed('p'), reason: 'Pulling', message: 'pulls', seconds: 1, type: 'Normal' }],
    undefined,
  ],
  [
    'an Event of another Pod of this name',
    scheduled('p'),
    [{ about: { ...podNamed('p'), uid: 'older' }, reason: 'FailedMount', message: SECRET, seconds: 1 }],
    undefined,
  ],
];

for (const [name, pod, events, says] of CASES)
  test(`within 15 s, in passes 5 s apart, the reason is named: ${name}`, async (t) => {
    const { after } = await scene(events);
    t.deepEqual(await after(5, pod), [undefined], 'a Pod needs some seconds to start');
    const [failure] = await after(10, pod);
    if (says === undefined) t.is(failure, undefined);
    else t.regex(failure ?? '', says);
  });

test('Events are read for three Pods in a pass, and again after ten seconds', async (t) => {
  const told = { reason: 'FailedMount', message: SECRET, seconds: 1 };
  const pods = ['a', 'b', 'c', 'd'].map(scheduled);
  const { after, asked, refuse } = await scene(
    pods.map(({ metadata }) => ({ ...told, about: podNamed(metadata.name) })),
  );
  await after(10, ...pods);
  t.is(asked(), 3);
  t.true((await after(15, ...pods)).every((one) => one !== undefined));
  t.is(asked(), 4);
  refuse();
  t.true(
    (await after(20, ...pods)).every((one) => one !== undefined),
    'a failed read keeps the last answer',
  );
  t.is(asked(), 7);
  const running = podOf('a', { nodeName: 'node-1' }, { phase: 'Running' });
  t.deepEqual(await after(40, running), [undefined]);
  t.is(asked(), 7, 'a Pod that runs is not asked about');
});
