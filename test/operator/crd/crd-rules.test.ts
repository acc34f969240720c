/** The rules of the OcppCluster definition: what a real API server refuses, in which words, and npm start with it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { compileRule } from '../../../operator/api/cel.ts';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type { Problem } from '../../../operator/api/rules.ts';
import { fieldSchema, ocppClusterSchema, type Schema } from '../../../operator/api/schema.ts';
import { validateCluster } from '../../../operator/api/validate.ts';
import { RENDER_REVISION } from '../../../operator/render/revision.ts';
import { proxyGraceSeconds } from '../../../operator/render/ws-proxy.ts';
import { networkProblem } from '../../../services/station-server/forwarded/trusted-networks.ts';
import { cluster, CLUSTERS, create } from './cluster-resources.ts';
import { FRONT_DOOR_MISTAKES, type Mistake } from './front-door-mistakes.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';

const ROOT = join(import.meta.dirname, '../../..');
const shared = commonApiServer(test);

const MISTAKES: readonly Mistake[] = [
  { spec: { imaage: null }, field: 'spec.imaage', says: /unknown field "spec\.imaage"/ },
  {
    spec: { listeners: [{ name: 'a', tsl: null }] },
    field: 'spec.listeners[0].tsl',
    says: /unknown field "spec\.listeners\[0\]\.tsl"/,
  },
  {
    spec: { proxy: { podTemplate: { env: [null] } } },
    field: 'spec.proxy.podTemplate.env[0]',
    says: /must be of type object|must not be null|Invalid value/,
  },
  {
    spec: { proxy: { replica: 2 } },
    field: 'spec.proxy.replica',
    says: /unknown field "spec\.proxy\.replica"/,
  },
  { spec: { proxy: { replicas: 0 } }, field: 'spec.proxy.replicas', says: /greater than or equal to 1/ },
  { spec: { proxy: { replicas: '2' } }, field: 'spec.proxy.replicas', says: /must be of type integer/ },
  {
    spec: { proxy: { trustedNetworks: ['10.0.0.0/8', '0.0.0.0/0'] } },
    field: 'spec.proxy.trustedNetworks',
    says: /would trust clients/,
  },
  ...['10.0.0.0/7', '2000::/3', '2001::/15', '::/16', '::ffff:0.0.0.0/97', '0:0::ffff:0:0/96'].map(
    (large) => ({
      spec: { proxy: { trustedNetworks: [large] } },
      field: 'spec.proxy.trustedNetworks',
      says: /would trust clients/,
    }),
  ),
  {
    spec: { proxy: { trustedNetworks: ['10.0.0.0/33'] } },
    field: 'spec.proxy.trustedNetworks[0]',
    says: /must be of type cidr/,
  },
  {
    spec: { proxy: { limits: { headerBytes: 100 } } },
    field: 'spec.proxy.limits.headerBytes',
    says: /greater than or equal to 1024/,
  },
  { spec: { protocols: ['ocpp1.5'] }, field: 'spec.protocols[0]', says: /supported values: "ocpp2\.1"/ },
  { spec: { protocols: [] }, field: 'spec.protocols', says: /at least 1 items/ },
  {
    spec: { protocols: ['ocpp1.6', 'ocpp1.6'] },
    field: 'spec.protocols',
    says: /an OCPP version is listed twice/,
  },
  {
    spec: { protocols: ['ocpp2.1'], proxy: { defaultProtocol: 'ocpp1.6' } },
    field: 'spec',
    says: /proxy\.defaultProtocol must be one of protocols/,
  },
  {
    spec: { proxy: { defaultProtocol: 'ocpp1.5' } },
    field: 'spec.proxy.defaultProtocol',
    says: /supported values: "ocpp2\.1"/,
  },
  {
    spec: { processor: { validation: 'Lenient' } },
    field: 'spec.processor.validation',
    says: /supported values: "Tolerant", "Strict"/,
  },
  ...[59, 2_592_001].map((idempotencySeconds) => ({
    spec: { processor: { transactions: { idempotencySeconds } } },
    field: 'spec.processor.transactions.idempotencySeconds',
    says: /should be (greater|less) than or equal to/,
  })),
  ...[{ abandonAfterSeconds: 86_399 }, { reportAfterSeconds: 700_000 }].map((transactions) => ({
    spec: { processor: { transactions } },
    field: 'spec.processor.transactions',
    says: /abandonAfterSeconds must not be below reportAfterSeconds/,
  })),
  { spec: { listeners: [{ port: 9000 }] }, field: 'spec.listeners[0].name', says: /Required value/ },
  {
    spec: { listeners: [{ name: 'a' }, { name: 'b' }] },
    field: 'spec.listeners',
    says: /two listeners have the same port; give each its own port/,
  },
  {
    spec: { listeners: [{ name: 'a' }, { name: 'a', port: 9001 }] },
    field: 'spec.listeners',
    says: /two listeners have the same name; give each its own name/,
  },
  {
    spec: { listeners: Array.from({ length: 9 }, (_, index) => ({ name: `l${index}`, port: 9000 + index })) },
    field: 'spec.listeners',
    says: /must have at most 8 items/,
  },
  {
    spec: { listeners: [{ name: 'a', limits: { sessions: 0 } }] },
    field: 'spec.listeners[0].limits.sessions',
    says: /greater than or equal to 1/,
  },
  {
    spec: { listeners: [{ name: 'a', limits: {} }] },
    field: 'spec.listeners[0].limits',
    says: /at least 1 propert/,
  },
  {
    spec: { listeners: [{ name: 'a', path: 'ocpp' }] },
    field: 'spec.listeners[0].path',
    says: /should match/,
  },
  {
    spec: { processor: { autoscaling: { minReplicas: 5, maxReplicas: 2 } } },
    field: 'spec.processor.autoscaling',
    says: /minReplicas must not be above maxReplicas/,
  },
  {
    spec: { processor: { autoscaling: { minReplicas: 21 } } },
    field: 'spec.processor.autoscaling',
    says: /minReplicas must not be above maxReplicas/,
  },
  {
    spec: { proxy: { autoscaling: { maxReplicas: 1 } } },
    field: 'spec.proxy.autoscaling',
    says: /minReplicas must not be above maxReplicas/,
  },
  {
    spec: { redis: { embedded: {}, external: { addresses: ['r:6379'] } } },
    field: 'spec.redis',
    says: /give embedded or external, not both/,
  },
  {
    spec: { redis: { external: { addresses: ['redis://r:6379'] } } },
    field: 'spec.redis.external.addresses[0]',
    says: /should match/,
  },
  {
    spec: { redis: { external: { addresses: ['a:1', 'b:2'] } } },
    field: 'spec.redis.external',
    says: /Standalone Redis has one address/,
  },
  {
    spec: { redis: { external: { mode: 'Sentinel', addresses: ['a:1', 'b:2'] } } },
    field: 'spec.redis.external',
    says: /needs sentinel\.masterName/,
  },
  {
    spec: { redis: { external: { addresses: ['a:1'], sentinel: { masterName: 'm' } } } },
    field: 'spec.redis.external',
    says: /no other mode has sentinel/,
  },
  ...[
    {},
    { channelPrefix: 'o{}{a}' },
    { channelPrefix: '{a}', stateKeyPrefix: 's' },
    { channelPrefix: '{a}', stateKeyPrefix: '{b}' },
  ].map((prefixes) => ({
    spec: { redis: { external: { mode: 'Cluster', addresses: ['a:1'] }, ...prefixes } },
    field: 'spec.redis',
    says: /needs a hash tag, such as \{city\}/,
  })),
  ...[{ database: 1 }, { distributedState: true }].map((wrong) => ({
    spec: {
      redis: { external: { mode: 'Cluster', addresses: ['a:1'] }, channelPrefix: '{a}', ...wrong },
    },
    field: 'spec.redis',
    says: /database 0 only/,
  })),
  {
    spec: { redis: { database: 15, distributedState: true } },
    field: 'spec.redis',
    says: /Redis has 16 of them/,
  },
  { spec: { redis: { connectionPoolSize: 3 } }, field: 'spec.redis.connectionPoolSize', says: /4/ },
  {
    spec: { redis: { embedded: { storage: { size: 'much' } } } },
    field: 'spec.redis.embedded.storage.size',
    says: /should match/,
  },
  {
    spec: { proxy: { drain: { deadlineSeconds: 199 } } },
    field: 'spec.proxy',
    says: /less than maxSessionsPerPod \/ drain\.ratePerSecond; raise drain\.deadlineSeconds/,
  },
  {
    spec: { proxy: { maxSessionsPerPod: 3001, drain: { ratePerSecond: 10 } } },
    field: 'spec.proxy',
    says: /cannot close its sockets in time/,
  },
  {
    spec: { proxy: { drain: { deadlineSeconds: 3600 } } },
    field: 'spec',
    says: /would exceed one hour.*lower deadlineSeconds to 3575/,
  },
  {
    spec: {
      proxy: { maxSessionsPerPod: 3400, drain: { ratePerSecond: 1, deadlineSeconds: 3500 } },
      processor: { callTimeoutSeconds: 200 },
    },
    field: 'spec',
    says: /would exceed one hour.*raise ratePerSecond/,
  },
  ...FRONT_DOOR_MISTAKES,
  { spec: {}, name: '9city', field: '', says: /metadata\.name must be at most 40/ },
  { spec: {}, name: 'c'.repeat(41), field: '', says: /metadata\.name must be at most 40/ },
];

/** The CRD's rules by their words. */
const RULES = new Set<string>();
(function collect({ properties = {}, items, ...schema }: Schema): void {
  for (const { message } of schema['x-kubernetes-validations'] ?? []) RULES.add(message);
  for (const inner of [...Object.values(properties), ...(items ? [items] : [])]) collect(inner);
})(ocppClusterSchema);

const UNCHECKED = '<nil>: Invalid value: null: some validation rules were not checked';

/** The fields that an API server complains about; '' is the whole object. */
function fieldsIn(message: string): string[] {
  const unknown = [...message.matchAll(/unknown field "([^"]+)"/g)].map(([, field = '']) => field);
  const named = message
    .replace(UNCHECKED, '')
    .matchAll(
      /(?:\[|is invalid: |, )(<nil>|spec[^ ]*): (?:Invalid value|Required|Unsupported|Too|Duplicate)/g,
    );
  return [...unknown, ...[...named].map(([, field = '']) => field.replace('<nil>', ''))];
}

/** Holds the API server's refusal against what npm start says: the same fields, and of rules the same words. */
function sameVerdict(t: ExecutionContext, refusal: string, problems: readonly Problem[], label: string) {
  const unique = (fields: readonly string[]) => [...new Set(fields)].sort();
  t.deepEqual(unique(fieldsIn(refusal)), unique(problems.map(({ field }) => field)), `${label}: ${refusal}`);
  for (const { field, reason } of problems) {
    if (!RULES.has(reason)) continue;
    const [, words = ''] = refusal.split(`${field === '' ? '<nil>' : field}: Invalid value: `);
    t.true(words.replace(/^("[^"]*"|\d+): /, '').startsWith(reason), `${label}: ${refusal}`);
  }
}

test('a mistake is refused with its path and reason, by the API server and by npm start alike', async (t) => {
  for (const { spec, name, field, says } of MISTAKES) {
    const manifest = cluster(spec, name);
    const label = JSON.stringify(spec);
    const problems = validateCluster(manifest);
    t.deepEqual(
      problems.map((problem) => problem.field),
      [field],
      label,
    );
    t.true((problems[0]?.reason ?? '').length > 5, label);
    const api = shared.given(t);
    if (api === undefined) continue;
    const error = await t.throwsAsync(create(api, manifest), undefined, label);
    t.regex(error?.message ?? '', says, label);
    sameVerdict(t, error?.message ?? '', problems, label);
  }
});

test('the rule on trusted networks refuses what a ws-proxy refuses, and nothing else', (t) => {
  const [rule] = fieldSchema('spec', 'proxy', 'trustedNetworks')['x-kubernetes-validations'] ?? [];
  const { holds } = compileRule(rule?.rule ?? '');
  const networks = [
    ...['0.0.0.0', '10.0.0.0'].map((address) => [address, 32] as const),
    ...['2001:db8::', 'a::', '::', '::1', '::ffff:10.0.0.0', '0:0::ffff:0:0'].map(
      (one) => [one, 128] as const,
    ),
  ].flatMap(([address, bits]) =>
    Array.from({ length: bits + 1 }, (_, prefix) => `${address}/${prefix}`).concat(`${address}/07`),
  );
  t.true(networks.length > 500);
  for (const network of networks) {
    const isGood = networkProblem(network) === undefined;
    t.is(holds([network]), isGood, network);
    t.is(holds(['10.0.0.0/8', network]), isGood, network);
  }
});

/** Rules are evaluated beside mistakes of bounds and patterns, and not beside other ones. */
const SEVERAL: readonly object[] = [
  { proxy: { drain: { deadlineSeconds: 199 } }, listeners: [{ name: 'a' }, { name: 'b' }] },
  { proxy: { replicas: 0, maxSessionsPerPod: 0, drain: { ratePerSecond: 0 } } },
  { protocols: ['ocpp1.5', 'ocpp1.6', 'ocpp1.6'] },
  { listeners: [{ port: 1 }, { port: 1 }], processor: { transactions: { reportAfterSeconds: 9 } } },
  { proxy: { service: { loadBalancerClass: 'a/b', loadBalancerSourceRanges: ['203.0.113.0/33'] } } },
  { image: { pullSecrets: ['a', 'a'] }, redis: { channelPrefix: '-' } },
  { proxy: { podTemplate: { env: [{ name: 'A' }, { name: 'B' }, { name: 'A', value: 'x' }] } } },
];

test('several mistakes are named together, by the API server and by npm start alike', async (t) => {
  for (const spec of SEVERAL) {
    const problems = validateCluster(cluster(spec));
    t.true(problems.length > 0);
    const api = shared.given(t);
    if (api === undefined) continue;
    const error = await t.throwsAsync(create(api, cluster(spec)));
    sameVerdict(t, error?.message ?? '', problems, JSON.stringify(spec));
  }
});

test('a rule that npm start cannot evaluate is an error, never a good manifest', (t) => {
  for (const rule of ['self.nope() == "a"', 'self ==', 'oldSelf.isEmpty()', 'isURL(self)', 'size(self)']) {
    t.throws(() => compileRule(rule), { message: /^the rule / }, rule);
  }
  const { holds } = compileRule('self.a / self.b == 3');
  t.true(holds({ a: 7n, b: 2n }));
  t.throws(() => holds({ a: 7n, b: 0n }), { message: /division by zero/ });
  t.throws(() => holds({ a: 7n }), { message: /No such key: b/ });
});

test('a drain that just fits is taken, and leaves its Pod an hour at most', async (t) => {
  const good = [
    {},
    { proxy: { drain: { deadlineSeconds: 200 } } },
    { proxy: { maxSessionsPerPod: 3000, drain: { ratePerSecond: 10 } } },
    { proxy: { drain: { deadlineSeconds: 3575 } } },
    { proxy: { maxSessionsPerPod: 3545, drain: { ratePerSecond: 1, deadlineSeconds: 3545 } } },
  ];
  for (const spec of good) {
    const manifest = cluster(spec);
    t.deepEqual(validateCluster(manifest), [], JSON.stringify(spec));
    const rendered = { spec: defaultedSpec(manifest), renderRevision: RENDER_REVISION };
    t.true(proxyGraceSeconds(rendered) <= 3600, JSON.stringify(spec));
    const api = shared.given(t);
    if (api !== undefined) await t.notThrowsAsync(create(api, manifest), JSON.stringify(spec));
  }
});

test('a Redis of every mode is taken, by the API server and by npm start alike', async (t) => {
  const guide = readFileSync(join(ROOT, 'docs/redis.md'), 'utf8').match(/```yaml\n([^`]*)```/)?.[1] ?? '';
  const good = [
    (parse(guide) as { spec: { redis: object } }).spec.redis,
    { external: { addresses: ['a:1'], tls: {}, credentialsSecretName: 's' } },
    { external: { mode: 'Sentinel', addresses: ['a:1', 'b:2'], sentinel: { masterName: 'm' } } },
    { external: { mode: 'Cluster', addresses: ['a:1'] }, channelPrefix: '{city}' },
    { external: { mode: 'Cluster', addresses: ['a:1'] }, channelPrefix: 'a:{x}{y}', stateKeyPrefix: 's{x}' },
    { database: 14, distributedState: true },
  ];
  for (const redis of good) {
    const manifest = cluster({ redis });
    t.deepEqual(validateCluster(manifest), [], JSON.stringify(redis));
    const api = shared.given(t);
    if (api !== undefined) await t.notThrowsAsync(create(api, manifest), JSON.stringify(redis));
  }
});

test('what stations may be forgiven is taken at its bounds, by the API server and by npm start alike', async (t) => {
  const good = [
    { proxy: { defaultProtocol: 'ocpp2.0.1' } },
    { protocols: ['ocpp1.6'], proxy: { defaultProtocol: 'ocpp1.6' } },
    { processor: { transactions: { abandonAfterSeconds: 0, reportAfterSeconds: 2_592_000 } } },
    { processor: { transactions: { abandonAfterSeconds: 86_400, idempotencySeconds: 2_592_000 } } },
  ];
  for (const spec of good) {
    const manifest = cluster(spec);
    t.deepEqual(validateCluster(manifest), [], JSON.stringify(spec));
    const api = shared.given(t);
    if (api !== undefined) await t.notThrowsAsync(create(api, manifest), JSON.stringify(spec));
  }
});

test('what is no OcppCluster is said to be none', (t) => {
  t.deepEqual(
    validateCluster(undefined).map(({ field }) => field),
    ['apiVersion'],
  );
  t.deepEqual(
    validateCluster({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'Pod' }).map(({ field }) => field),
    ['kind'],
  );
  t.deepEqual(
    validateCluster({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster' }).map(({ field }) => field),
    ['metadata.name'],
  );
});

/** Before, the change, and the words of the refusal; undefined: it is taken. */
const CHANGES: readonly (readonly [name: string, redis: object, change: object, refused?: RegExp])[] = [
  ['a larger volume', {}, { embedded: { storage: { size: '2Gi' } } }],
  ['the same size in other words', {}, { embedded: { storage: { size: '1024Mi' } } }],
  [
    'a smaller volume',
    {},
    { embedded: { storage: { size: '900Mi' } } },
    /storage\.size can grow but not shrink/,
  ],
  [
    'no word of the volume that was large',
    { embedded: { storage: { size: '8Gi' } } },
    { embedded: null },
    /storage\.size can grow but not shrink/,
  ],
  [
    'another class',
    {},
    { embedded: { storage: { storageClassName: 'fast' } } },
    /storageClassName cannot be changed once the volume exists/,
  ],
  ['another Secret', {}, { embedded: { passwordSecretName: 'x' } }, /change the password in the Secret/],
  [
    'TLS of a Redis that had none',
    {},
    { embedded: { tls: { secretName: 's' } } },
    /embedded\.tls cannot be added or removed, because running Pods would lose Redis/,
  ],
  [
    'no TLS any more',
    { embedded: { tls: { secretName: 's' } } },
    { embedded: { tls: null } },
    /embedded\.tls cannot be added or removed/,
  ],
  [
    'another Secret with a certificate',
    { embedded: { tls: { secretName: 's' } } },
    { embedded: { tls: { secretName: 't' } } },
  ],
  ['what becomes of the volume', {}, { embedded: { storage: { onDelete: 'Delete' } } }],
  ['another image', {}, { embedded: { image: 'redis:8' } }],
  [
    'embedded to external',
    {},
    { external: { addresses: ['r:6379'] } },
    /embedded cannot become external or the reverse.*create a second OcppCluster/,
  ],
  [
    'external to embedded',
    { external: { addresses: ['r:6379'] } },
    { external: null },
    /embedded cannot become external or the reverse/,
  ],
  ['a section that was null', { external: null, embedded: null }, {}],
  ['no word of what was null', { embedded: { storage: null } }, { embedded: {} }],
  ['another address', { external: { addresses: ['r:6379'] } }, { external: { addresses: ['s:6379'] } }],
  ['another channelPrefix', {}, { channelPrefix: 'x' }, /channelPrefix: .*cannot be changed.*left behind/],
  ['another stateKeyPrefix', {}, { stateKeyPrefix: 'x' }, /stateKeyPrefix: .*cannot be changed.*left behind/],
  ['another database', {}, { database: 3 }, /database: .*cannot be changed.*left behind/],
];

test('what would leave data behind cannot be changed, with the same words from the API server and npm start', async (t) => {
  for (const [index, [name, redis, change, refused]] of CHANGES.entries()) {
    const before = cluster({ redis }, `kept-${index}`);
    const problems = validateCluster(cluster({ redis: { ...redis, ...change } }, `kept-${index}`), before);
    t.is(problems.length, refused === undefined ? 0 : 1, name);
    const api = shared.given(t);
    if (api === undefined) continue;
    await create(api, before, false);
    const changed = api.http.json({
      method: 'PATCH',
      path: `${CLUSTERS}/kept-${index}`,
      contentType: 'application/merge-patch+json',
      query: { dryRun: 'All' },
      body: { spec: { redis: change } },
    });
    if (refused === undefined) await t.notThrowsAsync(changed, name);
    else {
      const error = await t.throwsAsync(changed, { message: refused }, name);
      sameVerdict(t, error?.message ?? '', problems, name);
    }
  }
});

test('the rule of ports refuses what URL refuses, and nothing else', (t) => {
  const schema = fieldSchema('spec', 'authentication', 'stations', 'webhook', 'url');
  const { rule = '' } = schema['x-kubernetes-validations']?.[0] ?? {};
  const { holds } = compileRule(rule);
  const ports = [...Array(70_000).keys()].filter((port) => port % 97 === 0 || port > 65_000);
  for (const port of [...ports, 99_999, 100_000, 655_350, 1_000_000, '', '00443', '065536'])
    for (const url of [`https://a:${port}`, `http://[::1]:${port}/b:99999`, `https://a.b:${port}?c`])
      t.is(holds(url), URL.canParse(url), url);
});
