/** The Deployments of a cluster by component: the name of the ws-proxy's has the hash of its template. */
import type { OcppCluster } from '../../operator/api/ocpp-cluster.ts';
import type { KubeObject } from '../../operator/kube/object-store.ts';
import { isRunning } from '../../operator/rollout/step.ts';
import { currentSet, proxySetsOf } from '../support/proxy-set.ts';
import { get, list } from './kubectl.ts';

/** Of the ws-proxy: that of the set to which a rollout leads, else of the serving one. */
export async function deploymentOf<T>(
  cluster: string,
  component: string,
  namespace: string,
): Promise<T | undefined> {
  if (component !== 'ws-proxy') return get<T>('deployment', `${cluster}-${component}`, namespace);
  const sets = proxySetsOf(await list<KubeObject>('deployments', namespace), cluster);
  const { status } = (await get<OcppCluster>('ocppcluster', cluster, namespace)) ?? {};
  return currentSet(sets, status) as T | undefined;
}

export async function proxySetName(cluster: string, namespace: string): Promise<string> {
  const found = await deploymentOf<KubeObject>(cluster, 'ws-proxy', namespace);
  if (found === undefined) throw new Error(`${cluster} in ${namespace} has no proxy set`);
  return found.metadata.name;
}

export async function isRollingOut(cluster: string, namespace: string): Promise<boolean> {
  return isRunning((await get<OcppCluster>('ocppcluster', cluster, namespace))?.status?.rollout);
}
