/** skaffold.yaml and the kind config against what they name: the charts' objects, the operator's, the Dockerfile, an API server. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import type { OcppClusterSpec } from '../../operator/api/ocpp-cluster.ts';
import { chartTest, helm, objectsIn, only } from '../charts/helm.ts';
import { exampleFile, release, upgradeArguments } from '../e2e/release.ts';
import { KIND_CLUSTER } from '../e2e/where.ts';
import { startApiServer, testTools } from '../support/api-server.ts';
import { find, rendered } from '../support/rendered.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Hook {
  readonly host: { readonly command: readonly string[] };
}
interface Build {
  readonly local?: { readonly useBuildkit?: boolean; readonly push?: boolean };
}
interface Config {
  readonly metadata: { readonly name: string };
  readonly build?: Build;
  readonly deploy: { readonly kubectl?: { readonly hooks: Readonly<Record<'before' | 'after', Hook[]>> } };
  readonly portForward: readonly {
    readonly resourceName: string;
    readonly namespace: string;
    readonly port: number;
  }[];
  readonly profiles?: readonly {
    readonly name: string;
    readonly activation?: readonly { kubeContext: string }[];
    readonly build?: Build;
  }[];
}

const configs = parseAllDocuments(read('skaffold.yaml')).map((document) => document.toJS() as Config);
const config = (name: string): Config => {
  const found = configs.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`skaffold.yaml has no config ${name}`);
  return found;
};

test('a kind cluster of our config gets the image without a registry, by the builder that the Dockerfile needs', (t) => {
  t.is((parse(read('test/e2e/kind.yaml')) as { name: string }).name, KIND_CLUSTER);
  const { build, profiles = [] } = config('operator');
  const kind = profiles.find(({ name }) => name === 'kind');
  const [activation] = kind?.activation ?? [];
  t.regex(`kind-${KIND_CLUSTER}`, new RegExp(`^${activation?.kubeContext}$`));
  t.is(kind?.build?.local?.push, false);
  t.regex(read('Dockerfile'), /^RUN --mount=/m);
  for (const builds of [build, kind?.build]) t.true(builds?.local?.useBuildkit);
});

chartTest('the operator that skaffold installs has its image, and the port that is forwarded', (t) => {
  const [, , name, chart, ...options] = upgradeArguments({ repository: 'ocpp-cluster', tag: 'b1946ac' });
  const deployment = only(objectsIn(helm(['template', name ?? '', chart ?? '', ...options])), 'Deployment');
  const [forward] = config('operator').portForward;
  t.like(forward, { resourceName: deployment.metadata.name, namespace: release.namespace });
  t.like(deployment.spec, {
    template: {
      spec: { containers: [{ image: 'ocpp-cluster:b1946ac', ports: [{ containerPort: forward?.port }] }] },
    },
  });
});

test('the Service whose port is forwarded is one that the operator makes of the example', (t) => {
  const [forward] = config('example').portForward;
  const { metadata, spec } = parse(read(exampleFile)) as {
    metadata: { namespace: string };
    spec: OcppClusterSpec;
  };
  t.is(forward?.namespace, metadata.namespace);
  const { ports } = find(rendered(spec), `Service/${forward?.resourceName}`).spec;
  t.true((ports as { port: number }[]).some(({ port }) => port === forward?.port));
});

test('the hooks make the namespace, as often as asked, and the cluster follow what is built', async (t) => {
  await using server = await startApiServer();
  if (server === undefined) {
    t.pass('skipped: no kube-apiserver here');
    return;
  }
  await server.installCrd(read('crds/ocppclusters.yaml'));
  const env = {
    ...process.env,
    PATH: `${testTools()}:${process.env['PATH']}`,
    KUBECONFIG: server.kubeconfig(),
    SKAFFOLD_KUBE_CONTEXT: 'test',
  };
  const run = (program: string, ...args: readonly string[]) => {
    const { status, stderr } = spawnSync(program, args, { cwd: ROOT, env, encoding: 'utf8' });
    t.is(status, 0, stderr);
  };
  const hooks = config('example').deploy.kubectl?.hooks;
  for (let round = 0; round < 2; round++) {
    for (const { host } of hooks?.before ?? []) run(...(host.command as [string]));
    run('kubectl', 'apply', '--filename', exampleFile);
    for (const { host } of hooks?.after ?? []) run(...(host.command as [string]));
  }
  run('kubectl', 'apply', '--filename', exampleFile);
  const path = '/apis/ocpp.dev/v1alpha1/namespaces/charging/ocppclusters/city';
  t.like(await server.http.json({ method: 'GET', path }), { spec: { upgrade: 'Auto' } });
});
