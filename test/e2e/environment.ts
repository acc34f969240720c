/**
 * What the e2e tests set up on the cluster and take away again: namespaces with a label of ours, the
 * release of skaffold.yaml, and the resource definition. A cluster where other OcppClusters
 * live is refused.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { provideImage } from './image.ts';
import { apply, get, helm, kubectl, type Manifest } from './kubectl.ts';
import { exampleFile, type Image, imageName, release, ROOT, upgradeArguments } from './release.ts';

const MARK = { 'ocpp.dev/e2e': 'true' };
const DEFINITION = 'ocppclusters.ocpp.dev';

const manifest = parse(readFileSync(join(ROOT, exampleFile), 'utf8')) as Manifest & {
  readonly spec: { readonly proxy?: object };
};
const reachable = { type: 'NodePort', externalTrafficPolicy: 'Cluster' };

/** The example that skaffold.yaml applies; see stationUrl for E2E_ADDRESS. */
export const example: Manifest =
  process.env['E2E_ADDRESS'] === 'NodePort'
    ? { ...manifest, spec: { ...manifest.spec, proxy: { ...manifest.spec.proxy, service: reachable } } }
    : manifest;

/** Removes what an earlier run left, and refuses a cluster that is in use by others. */
export async function refuseForeignClusters(): Promise<void> {
  if ((await kubectl(['get', 'crd', DEFINITION, '--ignore-not-found', '-o', 'name'])).trim() === '') return;
  const found = await kubectl([
    'get',
    'ocppclusters',
    '-A',
    '-o',
    'jsonpath={range .items[*]}{.metadata.namespace}{"\\n"}{end}',
  ]);
  for (const namespace of new Set(found.split('\n').filter((line) => line !== ''))) {
    await refuseForeignNamespace(namespace);
  }
}

async function refuseForeignNamespace(name: string): Promise<void> {
  const namespace = await get<Manifest>('namespace', name, 'default');
  if (namespace === undefined || namespace.metadata.labels?.['ocpp.dev/e2e'] === 'true') return;
  throw new Error(
    `namespace ${name} is not of these tests (it has no label ocpp.dev/e2e=true): point KUBECONFIG at a cluster for tests`,
  );
}

/** A namespace that admits only Pods of the restricted Pod Security Standard. */
export async function createNamespace(name: string): Promise<void> {
  await refuseForeignNamespace(name);
  const labels = { ...MARK, 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

/** Of this version, as the others; see startAfresh. */
export const firstImage: Image = { repository: imageName, tag: 'e2e-first' };

/** An operator of the first image on a cluster that has nothing of ours yet. */
export async function startAfresh(): Promise<void> {
  await refuseForeignClusters();
  await removeEverything();
  await installOperator(await provideImage(firstImage.tag));
}

/** Upgrades the one that is there. @param sources folder whose chart is installed */
export async function installOperator(image: Image, sources?: string): Promise<void> {
  await createNamespace(release.namespace);
  await helm(upgradeArguments(image, sources));
}

/** Clusters first, while the operator is there to see them go. */
export async function removeEverything(): Promise<void> {
  const tolerant = async (...args: readonly string[]) => {
    await kubectl(args, '', 180).catch((error: unknown) => {
      if (!/the server doesn't have a resource type|not found/.test(String(error))) throw error;
    });
  };
  const ours = await kubectl(['get', 'namespaces', '-l', 'ocpp.dev/e2e=true', '-o', 'name']);
  const namespaces = ours.split('\n').flatMap((line) => line.split('/')[1] ?? []);
  for (const namespace of namespaces) {
    await tolerant('delete', 'ocppclusters', '--all', '-n', namespace, '--timeout=120s');
  }
  await Promise.all(namespaces.map(podsToEnd));
  await helm(['uninstall', release.name, '-n', release.namespace, '--ignore-not-found', '--wait']);
  if (namespaces.length > 0) await tolerant('delete', 'namespace', ...namespaces, '--timeout=150s');
  await tolerant('delete', 'crd', DEFINITION, '--ignore-not-found', '--timeout=60s');
}

/**
 * A namespace that still has Pods is looked at again after half of their longest grace period, which is a minute for a ws-proxy that ends
 * within seconds.
 */
async function podsToEnd(namespace: string): Promise<void> {
  const pods = ['pods', '-n', namespace, '-l', 'app.kubernetes.io/name=ocpp'];
  await kubectl(['wait', '--for=delete', '--timeout=60s', ...pods], '', 90).catch((error: unknown) => {
    // Its deletion does the rest.
    if (!/no matching resources|timed out/.test(String(error))) throw error;
  });
}

/** What a person would look at after a failure: the operator's log, the resources, Pods and events. */
export async function diagnostics(namespaces: readonly string[]): Promise<string> {
  const looks: (readonly string[])[] = [
    ['logs', '-n', release.namespace, '-l', 'app.kubernetes.io/component=operator', '--tail=80', '--prefix'],
    ['get', 'pods', '-n', release.namespace, '-o', 'wide'],
    ...namespaces.flatMap((namespace) => [
      ['get', 'ocppclusters', '-n', namespace, '-o', 'yaml'],
      ['get', 'all', '-n', namespace, '-o', 'wide'],
      ['get', 'events', '-n', namespace, '--sort-by=.lastTimestamp'],
      ['logs', '-n', namespace, '-l', 'app.kubernetes.io/name=ocpp', '--tail=15', '--prefix'],
    ]),
  ];
  const parts: string[] = [];
  for (const look of looks) {
    const text = await kubectl(look, '', 30).catch(String);
    parts.push(`$ kubectl ${look.join(' ')}\n${text.split('\n').slice(-120).join('\n')}`);
  }
  return parts.join('\n');
}
