/** Certificates and the key of passwords on a real API server, with the real definition of cert-manager. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { startApiServer } from '../../support/api-server.ts';
import { installForeignCrds } from '../../support/foreign-crds.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import { applyStrictly, rendered } from '../../support/rendered.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';

const shared = sharedApiServer(test);
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/certificates.cert-manager.io';
const ISSUED: OcppClusterSpec = {
  authentication: { stations: { register: true } },
  listeners: [{ name: 'tls', port: 9443, securityProfile: 2, tls: { issuerRef: { name: 'public' } } }],
  redis: { embedded: { tls: { issuerRef: { name: 'inner' } } } },
};

interface Key {
  readonly data: { readonly key: string };
  readonly metadata: { readonly uid: string; readonly ownerReferences?: readonly object[] };
}

test('a Certificate follows the spec; without cert-manager the condition says so', async (t) => {
  await using server = await startApiServer();
  if (server === undefined || !(await installForeignCrds(server, ['cert-manager.io_certificates']))) {
    t.pass('skipped: no kube-apiserver or no definition of cert-manager here');
    return;
  }
  const foreign = ({ apiVersion }: { apiVersion: string }) => /monitoring|gateway|keda/.test(apiVersion);
  for (const object of rendered(ISSUED).filter((one) => !foreign(one)))
    await t.notThrowsAsync(applyStrictly(server.http, object));

  await server.installCrd(readFileSync(join(import.meta.dirname, '../../../crds/ocppclusters.yaml'), 'utf8'));
  await using scene = await Scene.open(server);
  await scene.create(ISSUED);
  await eventually(t, () => scene.names('certificates'), [
    'certificates/city-redis-certificate',
    'certificates/city-tls-tls',
  ]);
  await scene.patch('ocppclusters/city', {
    spec: { listeners: [{ name: 'tls', port: 9443, securityProfile: 2, tls: { secretName: 'mine' } }] },
  });
  await eventually(t, () => scene.names('certificates'), ['certificates/city-redis-certificate']);
  await scene.patch('ocppclusters/city', { spec: { listeners: ISSUED.listeners } });
  await eventually(t, () => scene.names('certificates'), [
    'certificates/city-redis-certificate',
    'certificates/city-tls-tls',
  ]);

  await server.http.json({ method: 'DELETE', path: CRD });
  await eventually(t, async () => (await scene.condition('Degraded')).reason, 'AddOnMissing');
  t.regex(
    (await scene.condition('Degraded')).message ?? '',
    /tls\.issuerRef of tls needs the kind Certificate/,
  );
});

test('the key of stored passwords is made once, stays as it is, and outlives the cluster', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  await using scene = await Scene.open(server);
  const key = () => scene.get<Key>('secrets/city-password-key');
  await scene.create({});
  await eventually(t, async () => (await scene.status()).observedGeneration, 1);
  t.is(await key(), undefined, 'no password is stored');
  await scene.patch('ocppclusters/city', { spec: { authentication: { stations: { register: true } } } });
  await eventually(t, async () => (await key())?.data.key.length !== undefined, true);
  const made = await key();
  t.is(Buffer.from(Buffer.from(made?.data.key ?? '', 'base64').toString(), 'base64url').length, 32);
  t.is(made?.metadata.ownerReferences, undefined);

  await scene.patch('ocppclusters/city', {
    spec: { authentication: { stations: { register: null, secretName: 'list' } } },
  });
  await eventually(t, async () => (await scene.status()).observedGeneration, 3);
  await scene.patch('ocppclusters/city', {
    spec: { authentication: { stations: { register: true, secretName: null } } },
  });
  await eventually(t, async () => (await scene.status()).observedGeneration, 4);
  t.deepEqual([(await key())?.metadata.uid, (await key())?.data], [made?.metadata.uid, made?.data]);

  // Without a word of another key: no stored password would match it.
  t.is((await scene.status()).security?.passwordKeySecretName, 'city-password-key');
  const path = `/api/v1/namespaces/${scene.namespace}/secrets/city-password-key`;
  await server.http.json({ method: 'DELETE', path });
  const keySecretOf = async (name: string | null, generation: number) => {
    await scene.patch('ocppclusters/city', { spec: { authentication: { passwordKeySecretName: name } } });
    await eventually(t, async () => (await scene.status()).observedGeneration, generation);
  };
  await keySecretOf('mine', 5);
  await keySecretOf(null, 6);
  t.is(await key(), undefined, 'one that was deleted is not made a second time');
});

test('a key of the user is used, and none is made', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  await using scene = await Scene.open(server);
  await scene.create({ authentication: { stations: { register: true }, passwordKeySecretName: 'mine' } });
  await eventually(t, async () => (await scene.status()).observedGeneration, 1);
  t.is(await scene.get('secrets/city-password-key'), undefined);
});
