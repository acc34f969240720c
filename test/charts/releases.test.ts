/** OcppClusters survive installing, upgrading and uninstalling releases of the operator on a real API server. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { API_VERSION, KIND, OCPP_CLUSTERS, type OcppCluster } from '../../operator/api/ocpp-cluster.ts';
import { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import type { StoreError } from '../../operator/kube/object-store.ts';
import { startApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';
import { chartTest, helm, NAMESPACE } from './helm.ts';
import { OPERATOR } from './values.ts';

const DEFINITION = 'ocppclusters.ocpp.dev';

/** The field of `spec.processor` that the earlier chart does not have. */
const NEW = 'unknownTokens';

interface Definition {
  readonly spec: {
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: SchemaNode } }[];
  };
}
interface SchemaNode {
  readonly properties: Record<string, SchemaNode>;
}

function earlierChart(): { readonly path: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-chart-'));
  const path = join(folder, 'ocpp-operator');
  cpSync(OPERATOR, path, { recursive: true });
  const crd = parse(readFileSync(join(OPERATOR, 'files/ocppclusters.yaml'), 'utf8')) as Definition;
  const spec = crd.spec.versions[0]?.schema.openAPIV3Schema.properties['spec'];
  delete spec?.properties['processor']?.properties[NEW];
  writeFileSync(join(path, 'files/ocppclusters.yaml'), stringify(crd, { version: '1.1' }));
  const chart = readFileSync(join(path, 'Chart.yaml'), 'utf8');
  writeFileSync(join(path, 'Chart.yaml'), chart.replaceAll(/^(version|appVersion): .*/gm, '$1: 0.0.9'));
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

chartTest(
  'clusters survive upgrade, rollback, uninstall and a new installation of the operator',
  async (t) => {
    await using server = await startApiServer();
    if (server === undefined) {
      t.pass('skipped');
      return;
    }
    const kubeconfig = server.kubeconfig();
    const run = (...args: readonly string[]) => helm([...args, '--namespace', NAMESPACE], { kubeconfig });
    const store = new KubeObjectStore(server.http, { manager: 'kubectl' });
    for (const name of [NAMESPACE, 'north']) {
      await store.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    const metadata = { name: 'city', namespace: 'north' };
    const apply = async (processor: object) => {
      const city = {
        apiVersion: API_VERSION,
        kind: KIND,
        metadata,
        spec: { proxy: { replicas: 3 }, processor },
      };
      return (await store.apply(city)).object.metadata;
    };
    const field = async () => {
      const found: OcppCluster | undefined = await store.get({ resource: OCPP_CLUSTERS, ...metadata });
      t.is(found?.metadata.uid, uid, 'the same cluster');
      t.is(found?.spec?.proxy?.replicas, 3);
      return found?.spec?.processor?.[NEW];
    };
    const shows = (value: unknown) =>
      until(async () => (await field()) === value, `${NEW}: ${String(value)}`);
    using earlier = earlierChart();

    run('install', 'ocpp', earlier.path);
    // Until the API server serves the definition, it answers "not found".
    const refused = () =>
      apply({ [NEW]: 'Accept' }).then(
        () => 'nothing',
        (error: StoreError) => error.code !== 'not-found' && error.message,
      );
    t.regex(await until(refused, 'a refusal'), /unknownTokens/, 'the field is unknown before the upgrade');
    const { uid } = await apply({});
    run('upgrade', 'ocpp', OPERATOR);
    await shows('Reject');
    await apply({ [NEW]: 'Accept' });
    t.is(await field(), 'Accept');

    run('rollback', 'ocpp', '1');
    await shows(undefined);
    run('upgrade', 'ocpp', OPERATOR);
    await shows('Accept');

    run('upgrade', 'ocpp', OPERATOR, '--set=crd.install=false');
    t.is(await field(), 'Accept');
    run('uninstall', 'ocpp');
    t.is(await field(), 'Accept');
    t.throws(() => run('install', 'other', OPERATOR), {
      message: new RegExp(`${DEFINITION}.*release-name`, 's'),
    });
    run('install', 'other', OPERATOR, '--set=crd.install=false');
    run('install', 'ocpp', OPERATOR, '--set=rbac.aggregateToDefaultRoles=false');
    t.is(await field(), 'Accept');
    run('install', 'heir', OPERATOR, '--take-ownership');
    run('uninstall', 'ocpp');
    t.is(await field(), 'Accept');
  },
);
