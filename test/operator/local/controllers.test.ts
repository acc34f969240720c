/** Deployments and StatefulSets of `npm start`: Pods are created, replaced and deleted as in a cluster. */
import test from 'ava';
import type { KubeObject, Resource } from '../../../operator/kube/object-store.ts';
import { type Deployment, isReady, type StatefulSet } from '../../../operator/local/kinds.ts';
import { DEPLOYMENTS, STATEFUL_SETS } from '../../../operator/render/resources.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import {
  alive,
  ask,
  command,
  deployment,
  NAMESPACE,
  redis,
  redisService,
  ref,
  rig,
  service,
  versionOf,
} from './rig.ts';

test('a Deployment scales, and rolls Pod by Pod without losing a ready one', async (t) => {
  await using local = await rig();
  const port = await freePort();
  await local.store.apply(service(port));
  await local.store.apply(deployment(port, 'one', 2));
  await local.ready(2);
  const first = await ask(port);
  t.is(first.version, 'one');
  t.is(first.peer, `127.0.0.1:${port}`, 'the name of a Service is its address');
  t.is(first.own, `web.here.svc:${port}`, 'a value of the user stays');

  await local.store.apply(deployment(port, 'two', 2));
  let fewest = 2;
  let most = 0;
  await until(async () => {
    const pods = await local.pods();
    fewest = Math.min(fewest, pods.filter(isReady).length);
    most = Math.max(most, pods.length);
    return pods.length === 2 && pods.every((pod) => isReady(pod) && versionOf(pod) === 'two');
  }, 'the new template everywhere');
  t.is(fewest, 2);
  t.is(most, 3);
  await until(() => !alive(first.pid), 'the end of the old process');
  t.is((await ask(port)).version, 'two');

  await local.store.apply(deployment(port, 'two', 1));
  await until(async () => {
    const { status } = (await local.store.get(ref('web'))) as Deployment & { status?: { replicas?: number } };
    return status?.replicas === 1;
  }, 'one Pod');
  const { status } = (await local.store.get(ref('web'))) as Deployment & { status: object };
  t.like(status, { observedGeneration: 3, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 });

  await local.store.delete(ref('web'));
  await until(async () => (await local.pods()).length === 0, 'no Pod without its Deployment');
});

test('while rollouts are paused Pods keep their template and still scale; then they are replaced', async (t) => {
  await using local = await rig();
  const port = await freePort();
  const versions = async () => (await local.pods()).map(versionOf);
  const seen = async (resource: Resource, name: string) => {
    const found = await local.store.get({ resource, name, namespace: NAMESPACE });
    return (found as KubeObject & { status?: { observedGeneration?: number } }).status?.observedGeneration;
  };
  const held = (version: string, replicas: number) => {
    const one = deployment(port, version, replicas);
    return { ...one, spec: { ...one.spec, paused: true } };
  };
  await local.store.apply(service(port));
  await local.store.apply(deployment(port, 'one', 2));
  await local.ready(2);
  await local.store.apply(held('two', 2));
  await until(async () => (await seen(DEPLOYMENTS, 'web')) === 2, 'a look at the new template');
  t.deepEqual(await versions(), ['one', 'one']);
  t.like(((await local.store.get(ref('web'))) as { status?: object }).status, { updatedReplicas: 0 });
  await local.store.apply(held('two', 1));
  await until(async () => (await local.pods()).length === 1, 'one Pod less');
  t.deepEqual(await versions(), ['one']);
  await local.store.apply(deployment(port, 'two', 1));
  await until(async () => (await versions()).join() === 'two', 'the new template');
  await local.store.delete(ref('web'));
  await until(async () => (await local.pods()).length === 0, 'no Pod without its Deployment');

  await local.store.apply(redisService);
  await local.store.apply(redis('always'));
  const [first] = await local.ready(1);
  const next = redis('everysec') as StatefulSet;
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
  const withHold: StatefulSet = { ...next, spec: { ...next.spec, updateStrategy } };
  await local.store.apply(withHold);
  await until(async () => (await seen(STATEFUL_SETS, 'redis')) === 2, 'a look at the new Redis');
  t.deepEqual(
    (await local.pods()).map(({ metadata }) => metadata.uid),
    [first?.metadata.uid],
  );
  await local.store.apply(next);
  await until(async () => (await local.pods())[0]?.metadata.uid !== first?.metadata.uid, 'the new Redis');
});

test('a StatefulSet keeps its name, its address and its data', async (t) => {
  await using local = await rig();
  await local.store.apply(redisService);
  await local.store.apply(redis('always'));
  const [first] = await local.ready(1);
  t.is(first?.metadata.name, 'redis-0');
  const host = first?.status?.podIP ?? '';
  const port = first?.spec.containers[0]?.ports?.[0]?.containerPort ?? 0;
  t.is(await command(host, port, 'SET kept yes'), '+OK');

  await local.store.apply(redis('everysec'));
  await until(async () => {
    const [pod] = await local.pods();
    return pod !== undefined && pod.metadata.uid !== first?.metadata.uid && isReady(pod);
  }, 'the new Redis');
  const [second] = await local.pods();
  t.is(second?.metadata.name, 'redis-0');
  t.is(second?.status?.podIP, host);
  t.is(await command(host, port, 'GET kept'), '$3 yes');
  await local.stop();
  await t.throwsAsync(command(host, port, 'PING'));
});
