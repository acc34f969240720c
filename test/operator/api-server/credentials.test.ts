/** Credentials of the operator on a real API server, and what happens when they expire. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Reflector } from '../../../operator/controller/reflector.ts';
import { connectKube } from '../../../operator/kube/client.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { KubeObject, StoreError } from '../../../operator/kube/object-store.ts';
import { startApiServer } from '../../support/api-server.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const configMap = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
});

test('a kubeconfig connects; errors contain the RBAC refusal and no token', async (t) => {
  await using server = await startApiServer({ users: { stranger: [] } });
  if (server === undefined) {
    t.pass('skipped');
    return;
  }
  const admin = connectKube(server.kubeconfig());
  t.is(admin.server, server.url);
  t.true((await new KubeObjectStore(admin.http).list(CONFIG_MAPS)).items.length > 0);
  const stranger = connectKube(server.kubeconfig('stranger'));
  const error = await t.throwsAsync<StoreError>(new KubeObjectStore(stranger.http).list(CONFIG_MAPS));
  t.is(error?.code, 'forbidden');
  t.regex(error?.message ?? '', /GET \/api\/v1\/configmaps: the API server answered 403: .*stranger/);
  t.false(/Bearer|authorization/i.test(JSON.stringify(error) + String(error?.stack)));
  for (const { http } of [admin, stranger]) http.close();
});

test('a rotated token file is read again as soon as the API server rejects the old token', async (t) => {
  await using server = await startApiServer({ users: { rotating: ['system:masters'] } });
  if (server === undefined) {
    t.pass('skipped');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-token-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const token = join(folder, 'token');
  writeFileSync(token, server.token('rotating'));
  const { http } = connectKube(withTokenFile(server.kubeconfig('rotating'), token, folder));
  const store = new KubeObjectStore(http);
  const restarts: string[] = [];
  const reflector = new Reflector({
    store,
    resource: CONFIG_MAPS,
    onChange: () => {},
    log: memoryLog(),
    onRestart: (reason) => restarts.push(reason),
  });
  reflector.start();
  await reflector.whenSynced();
  await store.apply(configMap('before'));

  server.renewToken('rotating');
  await server.kill();
  await server.restart();
  await until(() => restarts.includes('unauthenticated'), 'the watch is refused');
  const error = await t.throwsAsync<StoreError>(store.list(CONFIG_MAPS));
  t.is(error?.code, 'unauthenticated');
  t.true(error?.retryable, 'an expired token is not a refusal');
  t.false(/Bearer|authorization/i.test(JSON.stringify(error) + String(error?.stack)));

  writeFileSync(token, server.token('rotating'));
  const works = () => store.apply(configMap('after')).then(Boolean, () => false);
  await until(works, 'the new token is read');
  await until(() => reflector.get({ name: 'after', namespace: 'default' }) !== undefined, 'the watch');
  await reflector.stop();
  http.close();
});

/** As client-node describes the ServiceAccount of a Pod. */
function withTokenFile(kubeconfig: string, tokenFile: string, folder: string): string {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { users: { user: object }[] };
  for (const one of config.users) {
    one.user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } };
  }
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
