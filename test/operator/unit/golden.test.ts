/**
 * Golden Pod templates of every supported render revision: an upgraded operator must render the same templates for existing
 * clusters, or it replaces their Pods. A template may change only with a new revision (operator/render/revision.ts).
 * Update the golden file of an unreleased revision with `UPDATE_GOLDEN=2 npx ava test/operator/unit/golden.test.ts`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse, stringify } from 'yaml';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { renderObjects } from '../../../operator/render/objects.ts';
import { OLDEST_RENDER_REVISION, RENDER_REVISION } from '../../../operator/render/revision.ts';
import { SENTINEL_REDIS } from './sentinel-redis.ts';

const podTemplate = {
  metadata: { labels: { team: 'grid' }, annotations: { note: 'x' } },
  resources: { requests: { cpu: '2' }, limits: { memory: '2Gi' } },
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: { podAntiAffinity: {} },
  priorityClassName: 'system-node-critical',
  env: [{ name: 'LOG_LEVEL', value: 'debug' }],
};

/** Clusters written for release 0.1.0: with an empty spec, and with every field of that release. */
const SPECS: Readonly<Record<string, OcppClusterSpec>> = {
  empty: {},
  embedded: {
    image: { pullSecrets: ['registry'], pullPolicy: 'Always' },
    protocols: ['ocpp1.6'],
    listeners: [{ name: 'public', port: 80, path: '/v1/ocpp' }],
    proxy: { replicas: 4, maxSessionsPerPod: 5000, drain: { ratePerSecond: 50 }, podTemplate },
    processor: {
      image: 'own/handlers:2',
      callTimeoutSeconds: 60,
      unknownTokens: 'Accept',
      podTemplate: { ...podTemplate, topologySpreadConstraints: [] },
    },
    redis: {
      channelPrefix: '{city}',
      database: 2,
      distributedState: true,
      embedded: {
        storage: { size: '8Gi', storageClassName: 'fast', onDelete: 'Delete' },
        appendFsync: 'everysec',
        podTemplate,
      },
    },
  },
  external: {
    redis: {
      external: SENTINEL_REDIS,
      stateKeyPrefix: 'state',
      connectionPoolSize: 6,
    },
  },
};

/** Parts that came later, with the first revision that has them. */
const LATER: Readonly<Record<string, { readonly since: number; readonly spec: OcppClusterSpec }>> = {
  api: {
    since: 3,
    spec: {
      authentication: { stations: { register: true } },
      api: { enabled: true, replicas: 2, tokensSecret: { name: 'tokens' }, podTemplate },
    },
  },
  billing: {
    since: 3,
    spec: {
      billing: { sink: { postgres: { secretName: 'bills', caSecretName: 'bills-ca' }, podTemplate } },
    },
  },
};

interface Workload extends KubeObject {
  readonly spec?: { readonly template?: object; readonly volumeClaimTemplates?: object };
}

/** Keyed by spec and `Kind/name`. */
function templates(renderRevision: number): Readonly<Record<string, Readonly<Record<string, object>>>> {
  const of = (spec: OcppClusterSpec) => {
    const objects = renderObjects(
      {
        apiVersion: 'ocpp.dev/v1alpha1',
        kind: 'OcppCluster',
        metadata: { name: 'city', namespace: 'charging', uid: '7c1b2a90-6a1c-4f0e-8e0f-2f3a4b5c6d7e' },
        spec,
      },
      {
        image: 'ocpp:1',
        redisImage: 'redis:7',
        processorReplicas: 3,
        renderRevision,
        // Depends on the cluster, not on the revision; clusters of release 0.1.0 have none.
        ...(renderRevision > 1 && { redisPasswordSecret: 'city-redis-7c1b2a90' }),
        ...(renderRevision > 2 && { adminSecret: 'city-admin-1b2a907c' }),
      },
    ) as readonly Workload[];
    const found = objects.flatMap(({ kind, metadata, spec }) =>
      spec?.template === undefined
        ? []
        : [
            [
              `${kind}/${metadata.name}`,
              { template: spec.template, volumeClaimTemplates: spec.volumeClaimTemplates },
            ] as const,
          ],
    );
    return Object.fromEntries(found);
  };
  // As sent to the API server: without undefined fields.
  const later = Object.entries(LATER).filter(([, { since }]) => renderRevision >= since);
  const specs = { ...SPECS, ...Object.fromEntries(later.map(([name, { spec }]) => [name, spec])) };
  const all = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, of(spec)]));
  return JSON.parse(JSON.stringify(all)) as ReturnType<typeof templates>;
}

const revisions = Array.from(
  { length: RENDER_REVISION - OLDEST_RENDER_REVISION + 1 },
  (_, index) => OLDEST_RENDER_REVISION + index,
);

for (const revision of revisions) {
  test(`revision ${revision} renders the Pod templates that it rendered when it was made`, (t) => {
    const file = join(import.meta.dirname, '../golden', `revision-${revision}.yaml`);
    const made = templates(revision);
    if (process.env['UPDATE_GOLDEN'] === String(revision)) {
      writeFileSync(file, stringify(made, { aliasDuplicateObjects: false, lineWidth: 0 }));
    }
    t.true(existsSync(file), 'a new revision needs its golden file: see the head of this test');
    t.deepEqual(made, parse(readFileSync(file, 'utf8')));
  });
}

test('each revision differs from the one before it', (t) => {
  for (const revision of revisions.slice(1)) t.notDeepEqual(templates(revision), templates(revision - 1));
  t.true(revisions.length > 0);
});
