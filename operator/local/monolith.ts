/**
 * A cluster without Redis, for machines without redis-server: proxy and processor in one process, behind the same Service.
 * It is the rendered ws-proxy with another program, and the settings of both; of its two log levels that of the ws-proxy counts.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { renderObjects } from '../render/objects.ts';
import { CONFIG_MAPS } from '../render/resources.ts';
import { RENDER_REVISION } from '../render/revision.ts';
import { nameOf } from '../render/render-input.ts';
import type { ConfigMap, Deployment, Labels } from './kinds.ts';
import { MONOLITH } from './programs.ts';

/** The objects that replace those of the operator. */
export function monolithObjects(cluster: OcppCluster, image: string): KubeObject[] {
  const context = { image, redisImage: '', processorReplicas: 0, renderRevision: RENDER_REVISION };
  const rendered = renderObjects(cluster, context);
  const name = nameOf(cluster, 'ws-proxy');
  const of = (kind: string) => rendered.filter((one) => one.kind === kind && one.metadata.name === name);
  const maps = rendered.filter(({ kind }) => kind === CONFIG_MAPS.kind) as ConfigMap[];
  const deployments = of('Deployment') as Deployment[];
  const settings = settingsOf(maps, name, deployments);
  return [
    ...of(CONFIG_MAPS.kind).map((one) => Object.assign({}, one, { data: settings })),
    ...of('Service'),
    ...deployments.map(asMonolith),
  ];
}

/** Of both programs, without those that the podTemplate of the ws-proxy sets: they would lose against the file. */
function settingsOf(maps: readonly ConfigMap[], proxy: string, deployments: readonly Deployment[]): Labels {
  const isProxy = ({ metadata }: ConfigMap) => Number(metadata.name === proxy);
  const proxyLast = maps.toSorted((a, b) => isProxy(a) - isProxy(b));
  const variables = deployments.flatMap(({ spec }) => spec.template.spec.containers[0]?.env ?? []);
  const names = new Set(variables.map((variable) => variable.name));
  const all = proxyLast.flatMap(({ data = {} }) => Object.entries(data));
  return Object.fromEntries(all.filter(([name]) => !names.has(name)));
}

function asMonolith(deployment: Deployment): Deployment {
  const { spec } = deployment;
  const containers = spec.template.spec.containers.map((container) =>
    Object.assign({}, container, {
      args: [MONOLITH],
      env: (container.env ?? []).filter(({ name }) => !name.startsWith('REDIS_')),
    }),
  );
  const template = { ...spec.template, spec: { ...spec.template.spec, containers } };
  return { ...deployment, spec: { ...spec, replicas: 1, template } };
}
