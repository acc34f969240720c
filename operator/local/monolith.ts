/**
 * A cluster without Redis, for machines without redis-server: proxy, processor and HTTP API in one process, behind the same Services.
 * It is the rendered ws-proxy with another program, and the settings of all; of their log levels that of the ws-proxy counts.
 */
import { ENV } from '../../services/contract.ts';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { renderObjects } from '../render/objects.ts';
import { CONFIG_MAPS } from '../render/resources.ts';
import { RENDER_REVISION } from '../render/revision.ts';
import { nameOf, selectorLabels } from '../render/render-input.ts';
import type { ConfigMap, Deployment, Labels, Service } from './kinds.ts';
import { MONOLITH } from './programs.ts';

/** The objects that replace those of the operator. */
export function monolithObjects(cluster: OcppCluster, image: string): KubeObject[] {
  const context = { image, redisImage: '', processorReplicas: 0, renderRevision: RENDER_REVISION };
  const rendered = renderObjects(cluster, context);
  const name = nameOf(cluster, 'ws-proxy');
  const named = (kind: string, wanted: string) =>
    rendered.filter((one) => one.kind === kind && one.metadata.name === wanted);
  const of = (kind: string) => named(kind, name);
  const [api] = named('Deployment', nameOf(cluster, 'api')) as Deployment[];
  const selector = selectorLabels(cluster, 'ws-proxy');
  const maps = rendered.filter(({ kind }) => kind === CONFIG_MAPS.kind) as ConfigMap[];
  const deployments = of('Deployment') as Deployment[];
  const settings = settingsOf(maps, name, deployments);
  return [
    ...of(CONFIG_MAPS.kind).map((one) => Object.assign({}, one, { data: settings })),
    ...of('Service'),
    ...(named('Service', nameOf(cluster, 'api')) as Service[]).map((one) =>
      Object.assign({}, one, { spec: { ...one.spec, selector } }),
    ),
    ...deployments.map((one) => asMonolith(api === undefined ? one : withApi(one, api))),
  ];
}

/** Of all programs, without those that the podTemplate of the ws-proxy sets: they would lose against the file. */
function settingsOf(maps: readonly ConfigMap[], proxy: string, deployments: readonly Deployment[]): Labels {
  const isProxy = ({ metadata }: ConfigMap) => Number(metadata.name === proxy);
  const proxyLast = maps.toSorted((a, b) => isProxy(a) - isProxy(b));
  const variables = deployments.flatMap(({ spec }) => spec.template.spec.containers[0]?.env ?? []);
  const names = new Set(variables.map((variable) => variable.name));
  const all = proxyLast.flatMap(({ data = {} }) => Object.entries(data));
  return Object.fromEntries(all.filter(([name]) => !names.has(name)));
}

/** With what only the API has: variables, ports and volumes. Its log level is that of the ws-proxy. */
function withApi(deployment: Deployment, api: Deployment): Deployment {
  const { spec } = deployment.spec.template;
  const [ours, theirs] = [spec.containers[0], api.spec.template.spec.containers[0]];
  if (ours === undefined || theirs === undefined) return deployment;
  const container = {
    ...ours,
    env: joined(
      ours.env,
      theirs.env?.filter(({ name }) => name !== ENV.logLevel),
    ),
    ports: joined(ours.ports, theirs.ports),
    volumeMounts: joined(ours.volumeMounts, theirs.volumeMounts),
  };
  const volumes = joined(spec.volumes, api.spec.template.spec.volumes);
  const template = { ...deployment.spec.template, spec: { ...spec, containers: [container], volumes } };
  return { ...deployment, spec: { ...deployment.spec, template } };
}

/** By name; those of the first list count. */
function joined<T extends { readonly name?: string }>(
  first: readonly T[] = [],
  second: readonly T[] = [],
): T[] {
  return [...first, ...second.filter(({ name }) => !first.some((one) => one.name === name))];
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
