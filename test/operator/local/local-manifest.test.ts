/** What `npm start` says of a manifest, and what it shows of what Pods write. */
import { join } from 'node:path';
import test from 'ava';
import { whereTo } from '../../../operator/local/cli/display.ts';
import type { Pod } from '../../../operator/local/kinds.ts';
import { ManifestError, parseManifest, readManifest } from '../../../operator/local/cli/manifest.ts';
import { troubleIn } from '../../../operator/local/kubelet/pod-logs.ts';
import { tokenCommand, tokenLines } from '../../../operator/local/tokens.ts';
import { Terminal } from '../../../operator/local/cli/terminal.ts';

const ROOT = join(import.meta.dirname, '../..', '..');
const HEAD = 'apiVersion: ocpp.dev/v1alpha1\nkind: OcppCluster\nmetadata: { name: city }\n';

const MISTAKES: readonly (readonly [string, string, RegExp])[] = [
  [
    'a field that does not exist',
    `${HEAD}spec:\n  proxy:\n    replicaz: 2\n`,
    /^f:6: spec\.proxy\.replicaz: there is no/,
  ],
  [
    'a value that is not allowed',
    `${HEAD}spec:\n  protocols:\n    - ocpp1.6\n    - ocpp9\n`,
    /^f:7: spec\.protocols\[1\]: must be one of/,
  ],
  ['a field too far out', `${HEAD}spec: {}\nspek: {}\n`, /^f:5: spek: there is no such field/],
  ['text that is not YAML', `${HEAD}spec: {\n`, /^f:\d: /],
  [
    'another kind',
    `${HEAD}---\napiVersion: v1\nkind: Pod\n`,
    /^f:6: kind Pod: npm start takes OcppCluster, Secret/,
  ],
  ['nothing at all', '# empty\n', /^f: there is no OcppCluster in it$/],
];

for (const [name, text, message] of MISTAKES) {
  test(`a manifest with ${name} is refused with its place and the reason`, (t) => {
    const error = t.throws(() => parseManifest(text, 'f'), { instanceOf: ManifestError });
    t.regex(error?.message ?? '', message);
  });
}

test('a manifest may bring Secrets and a Namespace along; the examples are good', (t) => {
  const secret =
    'apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: n }\nstringData: { password: x }\n';
  const found = parseManifest(`kind: Namespace\n---\n${secret}---\n${HEAD}---\n`, 'f');
  t.deepEqual(
    found.secrets.map(({ metadata }) => metadata),
    [{ name: 's', namespace: 'n' }],
  );
  t.deepEqual(
    found.clusters.map(({ metadata }) => metadata),
    [{ name: 'city', namespace: 'default' }],
  );
  for (const file of ['city', 'minimal']) {
    t.is(readManifest(join(ROOT, 'examples', `${file}.yaml`)).clusters[0]?.metadata.name, file);
  }
  t.throws(() => readManifest('/no/such/file'), { message: '/no/such/file: there is no such file' });
});

test('a changed manifest is held against the cluster that runs, as an API server does it', (t) => {
  const { clusters } = parseManifest(`${HEAD}spec: { redis: { channelPrefix: a } }\n`, 'f');
  const changed = (name: string) =>
    parseManifest(`${HEAD.replace('city', name)}spec:\n  redis:\n    channelPrefix: b\n`, 'f', clusters);
  t.throws(() => changed('city'), { message: /^f:6: spec\.redis\.channelPrefix: cannot be changed/ });
  t.is(changed('other').clusters.length, 1);
});

test('a rule of the whole object names its field, and the place of that is shown', (t) => {
  const text = `${HEAD.replace('city', '9city')}spec: {}\n`;
  t.throws(() => parseManifest(text, 'f'), { message: /^f:3: metadata\.name must be at most 40/ });
});

test('what a manifest asks for and one machine cannot give is named, and nothing else', (t) => {
  const told = (spec: string) =>
    whereTo(parseManifest(`${HEAD}spec: ${spec}\n`, 'f')).filter((line) => line.includes('ignored'));
  t.deepEqual(
    told(`
  upgrade: Auto
  image: { tag: 9.9.9 }
  listeners: [{ name: a }, { name: b, port: 9001, path: /b }]
  proxy:
    autoscaling: {}
    service: { type: NodePort }
    ingress: { host: ocpp.example.com }
    drain: { transactions: Wait }
  processor: { podTemplate: { nodeSelector: { a: b }, env: [{ name: A, value: b }] } }
  networkPolicy: { enabled: true }
  redis: { embedded: { passwordSecretName: mine, podTemplate: { tolerations: [] } } }`),
    [
      '  ignored here          spec.image, spec.upgrade, spec.proxy.service, spec.proxy.ingress, spec.networkPolicy, ' +
        'spec.processor.podTemplate.nodeSelector, spec.redis.embedded.podTemplate.tolerations',
    ],
  );
  t.deepEqual(told('{}'), []);
  t.deepEqual(
    whereTo(readManifest(join(ROOT, 'examples', 'city.yaml'))).filter((line) => line.includes('ignored')),
    [],
  );
});

test('of the logs, the terminal gets what is wrong', (t) => {
  const of = (line: string, stream: 'stdout' | 'stderr' = 'stdout') => troubleIn(line, stream);
  t.is(of('{"level":"info","msg":"started"}'), undefined);
  t.is(of('{"level":"warn","time":"t","name":"p","msg":"slow","ms":7,"who":"x"}'), 'slow ms=7 who=x');
  t.is(of('1:M # Failed listening on port 6379'), '1:M # Failed listening on port 6379');
  t.is(of('1:M # WARNING Memory overcommit must be enabled! … may fail', 'stdout'), undefined);
  t.is(of('1:M * Ready to accept connections'), undefined);
  t.is(of('Error: boom', 'stderr'), 'Error: boom');
  for (const line of ['', '    at main (main.ts:1:2)', 'node:internal/modules:1'])
    t.is(of(line, 'stderr'), undefined);
});

test('the state is rewritten in place on a terminal, and a line now and then elsewhere', (t) => {
  let now = 0;
  let written = '';
  const write = (text: string) => (written += text);
  const screen = new Terminal({ isTTY: true, columns: 10, write }, () => now);
  screen.state('a state that is long');
  screen.say('news');
  t.is(written, '\r\u001B[2Ka state t\r\u001B[2Knews\na state t');

  written = '';
  const pipe = new Terminal({ write }, () => now);
  for (const [at, text] of [
    [0, 'one'],
    [1000, 'two'],
    [4000, 'three'],
    [9000, 'three'],
  ] as const) {
    now = at;
    pipe.state(text);
  }
  t.is(written, 'one\nthree\n');
});

const REDIS_POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'city-redis-0', namespace: 'default', labels: { 'app.kubernetes.io/instance': 'city' } },
  spec: {
    containers: [{ name: 'redis', image: 'redis', ports: [{ name: 'redis', containerPort: 6379 }] }],
    volumes: [{ name: 'redis-login', secret: { secretName: 's' } }],
  },
  status: { phase: 'Running', podIP: '127.9.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
};

test('npm start warns where any token charges, and tells how to add one to the list of its own Redis', (t) => {
  const clusterOf = (spec: string) => {
    const [cluster] = parseManifest(`${HEAD}spec: ${spec}\n`, 'f').clusters;
    if (cluster === undefined) throw new Error('no cluster');
    return cluster;
  };
  const linesOf = (spec: string, pods: readonly Pod[], redis = true) => {
    const cluster = clusterOf(spec);
    return tokenLines(cluster, redis, tokenCommand(cluster, pods, '/run')).join('\n');
  };
  t.regex(
    linesOf('{ processor: { unknownTokens: Accept } }', [REDIS_POD]),
    /^ {2}WARNING +any token charges/,
  );
  t.is(
    linesOf('{}', [REDIS_POD]).split('\n')[1]?.trim(),
    'REDISCLI_AUTH="$(cat /run/pods/default/city-redis-0/volumes/redis-login/password)" redis-cli -h 127.9.0.1' +
      ` HSET 'ocpp:tokens' 04A2B3C4 '{"status":"Accepted"}'`,
  );
  const container = { name: 'redis', image: 'redis', ports: [{ name: 'redis', containerPort: 7001 }] };
  const moved: Pod = { ...REDIS_POD, spec: { containers: [container] } };
  t.is(
    linesOf('{ redis: { channelPrefix: "{city}", stateKeyPrefix: "{city}s", database: 3 } }', [moved])
      .split('\n')[1]
      ?.trim(),
    `redis-cli -h 127.9.0.1 -p 7001 -n 3 HSET '{city}s:tokens' 04A2B3C4 '{"status":"Accepted"}'`,
  );
  const other = { ...REDIS_POD, metadata: { ...REDIS_POD.metadata, namespace: 'elsewhere' } };
  const unready = { ...REDIS_POD, status: { ...REDIS_POD.status, conditions: [] } };
  for (const pods of [[], [other], [unready]]) t.regex(linesOf('{}', pods), /the command to add one follows/);
  t.regex(linesOf('{}', [], false), /none: without Redis/);
  t.regex(linesOf('{ redis: { external: { addresses: ["r:6379"] } } }', []), /ocpp:tokens of your Redis/);
});
