/** The whole operator, on a real API server, through all that can go wrong between the two. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Call } from '../../operator/kube/call.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import type { Fault } from '../support/fault-proxy.ts';
import { ANY, status, WATCH, WHOLE } from '../support/faults.ts';
import { FaultScene } from '../support/fault-scene.ts';
import { until } from '../support/until.ts';

const PATIENCE_MS = 40_000;

let server: ApiServer | undefined;
test.before(async () => {
  server = await startApiServer();
  await server?.installCrd(readFileSync(join(import.meta.dirname, '../../crds/ocppclusters.yaml'), 'utf8'));
});
test.after.always(async () => {
  await server?.[Symbol.asyncDispose]();
});

const onServer = (title: string, run: (t: ExecutionContext, server: ApiServer) => Promise<void>) =>
  test(title, async (t) => {
    t.timeout(2 * PATIENCE_MS);
    if (server === undefined) t.pass('skipped');
    else await run(t, server);
  });

const on =
  (verb: string, resource: string) =>
  (call: Call): boolean =>
    call.verb === verb && call.resource === resource;

/** After a 410 a watch lists again, whatever version it had. */
const relisted = (resource: string): Fault => ({ on: on('watch', resource), answer: status(410) });

/** What the operator asks an API server for, and the fault that it is to meet there. */
type Place = (answer: Fault['answer']) => readonly Fault[];
const LISTS: Place = (answer) => [
  relisted('ocppclusters'),
  { on: on('list', 'ocppclusters'), answer },
  relisted('services'),
  { on: on('list', 'services'), answer },
];
const WATCHES: Place = (answer) =>
  ['deployments', 'statefulsets'].map((kind) => ({ on: on('watch', kind), answer }));
const WRITES: Place = (answer) => [
  { on: on('apply', 'deployments'), answer },
  { on: on('apply', 'ocppclusters/status'), answer },
  { on: on('update', 'leases'), answer },
];

const TABLE: readonly (readonly [Readonly<Record<string, Fault['answer']>>, readonly Place[]])[] = [
  [ANY, [LISTS, WATCHES, WRITES]],
  [WHOLE, [LISTS, WRITES]],
  [WATCH, [WATCHES]],
];

for (const [answers, places] of TABLE) {
  for (const [name, answer] of Object.entries(answers)) {
    onServer(`${name}: every OcppCluster ends as wanted`, async (t, api) => {
      await using scene = await FaultScene.open(api);
      for (const cluster of ['kept', 'doomed']) await scene.apply(cluster, {});
      for (const cluster of ['kept', 'doomed']) await scene.converges(cluster, 2);
      await until(() => scene.leader.leading, 'the lease');
      const { uid } = (await scene.deployment('kept-processor'))?.metadata ?? {};

      scene.proxy.faults.push(...places.flatMap((place) => place(answer)));
      scene.proxy.cut();
      await scene.apply('kept', { proxy: { replicas: 3 } });
      await scene.apply('late', { proxy: { replicas: 4 } });
      await scene.removeDeployment('kept-processor');
      await scene.remove('doomed');

      await scene.converges('kept', 3);
      await scene.converges('late', 4);
      await until(() => !scene.knows('doomed'), 'the deletion', PATIENCE_MS);
      t.not((await scene.deployment('kept-processor'))?.metadata.uid, uid, 'the drift');
      await until(() => scene.proxy.faults.length === 0, 'each fault being met', PATIENCE_MS);

      await scene.apply('kept', { proxy: { replicas: 5 } });
      await scene.converges('kept', 5);
      t.deepEqual(scene.history, ['acquired'], 'it leads all the while');
      t.is(scene.operator.healthy(), undefined);
      const refused = scene.log.lines.filter(({ message }) => message === 'objects left as they are');
      t.deepEqual(refused, [], 'no fault is taken for a refusal');
    });
  }
}
