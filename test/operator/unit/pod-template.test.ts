/** podTemplate gives the same result as `kubectl patch --type=strategic`; each exception has its reason here. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Deployment, V1EnvVar } from '@kubernetes/client-node';
import test from 'ava';
import type { PodTemplateSpec } from '../../../operator/api/ocpp-cluster.ts';
import { OLDEST_RENDER_REVISION } from '../../../operator/render/revision.ts';
import { testTools } from '../../support/api-server.ts';
import { find, rendered } from '../../support/rendered.ts';

const deployment = (podTemplate?: PodTemplateSpec, context = {}) =>
  find(
    rendered({ proxy: podTemplate === undefined ? {} : { podTemplate } }, context),
    'Deployment/city-ws-proxy',
  ) as unknown as V1Deployment;

/** The equivalent patch of the Deployment. */
function patchOf({ metadata, env, resources, ...spec }: PodTemplateSpec): object {
  const container = { name: 'ws-proxy', ...(env && { env }), ...(resources && { resources }) };
  return {
    spec: { template: { ...(metadata && { metadata }), spec: { ...spec, containers: [container] } } },
  };
}

function patched(kubectl: string, folder: string, patch: object): V1Deployment {
  const file = join(folder, 'deployment.json');
  writeFileSync(file, JSON.stringify(deployment()));
  const args = [
    'patch',
    '--local',
    '--type=strategic',
    '-f',
    file,
    '-p',
    JSON.stringify(patch),
    '-o',
    'json',
  ];
  return JSON.parse(execFileSync(kubectl, args, { encoding: 'utf8' })) as V1Deployment;
}

/** The order of variables does not matter, as none refers to another; and the heap limit follows the memory limit. */
function comparable(deployment: V1Deployment): object {
  // As sent to the API server: without undefined fields.
  const { spec } = JSON.parse(JSON.stringify(deployment)) as V1Deployment;
  const { metadata, spec: pod } = spec?.template ?? {};
  const [container] = pod?.containers ?? [];
  delete metadata?.creationTimestamp;
  const env = (container?.env ?? []).filter(({ name }) => name !== 'NODE_OPTIONS');
  const byName = (a: V1EnvVar, b: V1EnvVar) => a.name.localeCompare(b.name);
  if (container !== undefined) container.env = env.toSorted(byName);
  return { metadata, pod };
}

const SPREAD = {
  maxSkew: 2,
  topologyKey: 'kubernetes.io/hostname',
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: {},
};
const SAME: Readonly<Record<string, PodTemplateSpec>> = {
  nothing: {},
  'labels and annotations': { metadata: { labels: { team: 'grid' }, annotations: { note: 'x' } } },
  'a further limit': { resources: { limits: { cpu: '2' } } },
  'another limit': { resources: { limits: { memory: '2Gi' } } },
  'another request': { resources: { requests: { cpu: '1' } } },
  'a further resource': {
    resources: { requests: { 'ephemeral-storage': '1Gi' }, limits: { 'ephemeral-storage': '2Gi' } },
  },
  'a node selector': { nodeSelector: { disk: 'ssd' } },
  tolerations: { tolerations: [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }] },
  affinity: { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } } },
  'a priority class': { priorityClassName: 'high' },
  'a further variable': { env: [{ name: 'LOG_LEVEL', value: 'debug' }] },
  'another value for one of ours': { env: [{ name: 'OCPP_DRAIN_RATE', value: '7' }] },
  'several at once': {
    env: [
      { name: 'B', value: '1' },
      { name: 'A', value: '2' },
      { name: 'OCPP_PATH', value: '/v1' },
    ],
    nodeSelector: { disk: 'ssd' },
    resources: { limits: { cpu: '1' } },
  },
};

/** The exceptions: what the operator does instead, and why. */
const OTHERWISE: readonly (readonly [string, PodTemplateSpec, (ours: V1Deployment) => unknown, unknown])[] = [
  [
    'labels of the operator stay: Services and selectors need them',
    { metadata: { labels: { 'app.kubernetes.io/name': 'mine' } } },
    ({ spec }) => spec?.template.metadata?.labels?.['app.kubernetes.io/name'],
    'ocpp',
  ],
  [
    'topologySpreadConstraints replace the defaults and are not merged by topologyKey, so that [] removes them',
    { topologySpreadConstraints: [SPREAD] },
    ({ spec }) => spec?.template.spec?.topologySpreadConstraints,
    [SPREAD],
  ],
  [
    'a variable is replaced as a whole: the API server refuses a variable with both value and valueFrom',
    { env: [{ name: 'POD_NAME', value: 'x' }] },
    ({ spec }) => spec?.template.spec?.containers[0]?.env?.find(({ name }) => name === 'POD_NAME'),
    { name: 'POD_NAME', value: 'x' },
  ],
  [
    'the default request is lowered to a lower limit: otherwise the Pod would be refused',
    { resources: { limits: { memory: '128Mi' } } },
    ({ spec }) => spec?.template.spec?.containers[0]?.resources?.requests?.['memory'],
    '128Mi',
  ],
];

test('every addition to a Pod is merged as kubectl patch merges it', (t) => {
  const tools = testTools();
  if (tools === undefined) {
    const message = 'no kubectl here: see test/support/api-server.ts for how to get one';
    console.warn(`SKIPPED: ${message}`);
    t.falsy(process.env['CI'], message);
    return;
  }
  const kubectl = join(tools, 'kubectl');
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-patch-'));
  try {
    for (const [title, added] of Object.entries(SAME)) {
      const theirs = patched(kubectl, folder, patchOf(added));
      t.deepEqual(comparable(deployment(added)), comparable(theirs), title);
    }
    for (const [why, added, look, expected] of OTHERWISE) {
      const ours = deployment(added);
      t.deepEqual(look(ours), expected, why);
      const theirs = patched(kubectl, folder, patchOf(added));
      t.notDeepEqual(look(theirs), expected, `no exception: ${why}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('clusters of revision 1 keep their requests and limits', (t) => {
  const { spec } = deployment(
    { resources: { limits: { cpu: '2' } } },
    { renderRevision: OLDEST_RENDER_REVISION },
  );
  t.deepEqual(spec?.template.spec?.containers[0]?.resources?.limits, { cpu: '2' });
});
