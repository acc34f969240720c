/** What the operator makes of a spec, and what an API server says to it. */
import type { OcppCluster, OcppClusterSpec } from '../../operator/api/ocpp-cluster.ts';
import type { KubeHttp } from '../../operator/kube/http.ts';
import type { KubeObject } from '../../operator/kube/object-store.ts';
import { renderObjects } from '../../operator/render/objects.ts';
import { resourceOf } from '../../operator/render/resources.ts';
import { RENDER_REVISION } from '../../operator/render/revision.ts';
import type { RenderContext } from '../../operator/render/render-input.ts';

/** An object whose parts a test looks into. */
export interface Rendered extends KubeObject {
  readonly spec: Record<string, unknown>;
}

export const city = (spec: OcppClusterSpec = {}): OcppCluster => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name: 'city', namespace: 'default', uid: '7c1b2a90-6a1c-4f0e-8e0f-2f3a4b5c6d7e' },
  spec,
});

/** All of `city`, where every kind of an add-on is served. */
export function rendered(spec: OcppClusterSpec = {}, context: Partial<RenderContext> = {}): Rendered[] {
  return renderObjects(city(spec), {
    image: 'ocpp:1',
    redisImage: 'redis:7',
    redisPasswordSecret: 'city-redis-7c1b2a90',
    processorReplicas: 3,
    proxyReplicas: 2,
    renderRevision: RENDER_REVISION,
    serves: () => true,
    ...context,
  }) as Rendered[];
}

export const names = (objects: readonly KubeObject[]): string[] =>
  objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);

/** @param name `Kind/name` */
export function find(objects: readonly Rendered[], name: string): Rendered {
  const found = objects[names(objects).indexOf(name)];
  if (found === undefined) throw new Error(`no ${name} among ${names(objects).join(', ')}`);
  return found;
}

/** Dry-run server-side apply, strict about unknown fields. @throws what the API server says */
export async function applyStrictly(http: KubeHttp, object: KubeObject): Promise<void> {
  const { group, version, plural } = resourceOf(object);
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const { name, namespace } = object.metadata;
  await http.json({
    method: 'PATCH',
    path: `${base}/namespaces/${namespace}/${plural}/${name}`,
    query: { dryRun: 'All', fieldManager: 'test', fieldValidation: 'Strict' },
    body: object,
    contentType: 'application/apply-patch+yaml',
  });
}

type Proxy = NonNullable<OcppClusterSpec['proxy']>;

/** Both ways in through something else than the Service, with every field. */
export const INGRESS: Proxy = {
  ingress: {
    host: 'ocpp.example.com',
    className: 'nginx',
    tlsSecretName: 'ocpp-example-com',
    annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' },
  },
};
export const GATEWAY: Proxy = {
  gateway: {
    parentRefs: [{ name: 'outer', namespace: 'gateways', sectionName: 'tls' }],
    hostnames: ['a.example.com'],
  },
};
