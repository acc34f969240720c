/**
 * The import directions that ARCHITECTURE.md draws, checked against every import in the tree, and the
 * rule that each heavy library is imported (at run time) in one place only.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '..');

/** Folder → what it may import besides itself. The longest matching folder counts. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'services/contract.ts': [],
  'services/runtime': ['services/contract.ts'],
  'services/ocpp': [],
  // Of OCPP the transport knows frames, their text, and the rule of one open CALL, never what an action means.
  'services/transport': [
    'services/ocpp/frame.ts',
    'services/ocpp/frame-text.ts',
    'services/ocpp/frame-repair.ts',
    'services/ocpp/exact-numbers.ts',
    'services/ocpp/peer.ts',
    'services/runtime/clock.ts',
    'services/runtime/tracing/tracing.ts',
  ],
  'services/certificates': [],
  // Who a station is: entries, credentials, and the decision. Sockets and files are elsewhere.
  'services/access': ['services/certificates', 'services/ocpp', 'services/transport', 'services/runtime'],
  'services/station-server': [
    'services/access',
    'services/certificates',
    'services/ocpp',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  'services/csms': [
    'services/access',
    'services/certificates',
    'services/ocpp',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  // What others build on: it puts the parts together, and no part knows of it.
  'services/library': [
    'services/station-server',
    'services/csms',
    'services/ocpp',
    'services/transport',
    'services/runtime',
  ],
  // A package of its own: it sends commands and reads state, and never handles messages.
  'services/client': ['services/access', 'services/csms', 'services/ocpp', 'services/transport'],
  // The client over HTTP; the monolith serves it too.
  'services/api': [
    'services/client',
    'services/csms',
    'services/access/counted-address.ts',
    'services/ocpp',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  // A page in a browser: it knows the API by its document only.
  'services/console': [],
  // Makes types of the document of the sources.
  'services/console/openapi.ts': [
    'services/api',
    'services/client/memory-client.ts',
    'services/runtime',
    'services/transport/memory',
  ],
  // The programs: they stand on the parts, and no part knows of a program.
  'services/ws-proxy': [
    'services/access',
    'services/certificates',
    'services/station-server',
    'services/library',
    'services/certificates',
    'services/ocpp',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  'services/processor': [
    'services/csms',
    'services/certificates',
    'services/library',
    'services/ocpp',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  'services/stations': [
    'services/access',
    'services/certificates',
    'services/csms',
    'services/library',
    'services/ocpp',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  // Plays recorded messages as a ws-proxy does, and edits tokens as a client does.
  'services/replay': [
    'services/client',
    'services/library',
    'services/ocpp',
    'services/transport',
    'services/contract.ts',
  ],
  'services/dead-letters': [
    'services/library',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  // Over HTTP: of the client it takes the shapes of the JSON only, and the words that are statuses of a token.
  'services/ocppctl': ['services/client/cluster-client.ts', 'services/csms/tokens.ts', 'services/runtime'],
  'services/bill-sink': [
    'services/csms',
    'services/ocpp',
    'services/library',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  'services/monolith.ts': ['services'],
  // Of services the operator takes the contract and the runtime only.
  'operator/api': ['operator/kube/object-store.ts'],
  'operator/render': ['operator/api', 'operator/kube/object-store.ts', 'services/contract.ts'],
  // What a pass reads: the objects of a cluster, their state, and its pauses.
  'operator/observe': [
    'operator/api',
    'operator/render',
    'operator/controller/caches.ts',
    'operator/kube/object-store.ts',
  ],
  'operator/scaling': ['operator/api'],
  'operator/signals': [
    'operator/api',
    'operator/scaling',
    'operator/kube/object-store.ts',
    'services/runtime/clock.ts',
    'services/contract.ts',
  ],
  // Replays and simulates decisions, with the code that decides in a cluster.
  'operator/whatif': [
    'operator/api',
    'operator/kube/object-store.ts',
    'operator/scaling',
    'operator/signals',
    'services/contract.ts',
  ],
  'operator/kube': ['operator/controller', 'services/runtime'],
  'operator/controller': ['operator/kube/object-store.ts', 'services/runtime'],
  // Plans rollouts from what is observed and from the reports of Pods.
  'operator/rollout': [
    'operator/api',
    'operator/observe',
    'operator/render',
    'operator/kube/object-store.ts',
    'services/contract.ts',
  ],
  'operator/status': [
    'operator/api',
    'operator/render',
    'operator/scaling',
    'operator/observe',
    'operator/rollout',
  ],
  'operator/reconcile': [
    'operator/api',
    'operator/observe',
    'operator/render',
    'operator/rollout',
    'operator/scaling',
    'operator/signals',
    'operator/status',
    'operator/controller',
    'operator/kube/object-store.ts',
    'services/runtime',
    'services/contract.ts',
  ],
  'operator/program-metrics.ts': [],
  'operator/config.ts': ['operator/api', 'operator/render', 'services/runtime', 'services/contract.ts'],
  'operator/operator.ts': ['operator', 'services/runtime', 'services/contract.ts'],
  'operator/main.ts': ['operator', 'services/runtime', 'services/contract.ts'],
  // It makes certificates for trials.
  'operator/local': [
    'operator',
    'services/certificates/authority.ts',
    'services/runtime',
    'services/contract.ts',
  ],
};

/** A folder with more source files is a hall: it wants rooms. */
const MOST_FILES = 20;

/** Library → the files that may import it at run time (`import type` is free). */
const SINGLE_IMPORT: Readonly<Record<string, RegExp>> = {
  '@marcbachmann/cel-js': /^operator\/api\/cel\.ts$/,
  '@kubernetes/client-node': /^operator\/kube\/client\.ts$/,
  ioredis: /^services\/transport\/redis\/connection\/connection\.ts$/,
  ws: /^services\/(station-server\/|library\/websocket-client\.ts$)/,
  fastify: /^services\/api\/server\.ts$/,
  convict: /^services\/runtime\/config\.ts$/,
  pg: /^services\/bill-sink\/session\.ts$/,
  pino: /^services\/runtime\/log\.ts$/,
  'typed-ocpp': /^services\/ocpp\//,
  '@peculiar/x509': /^services\/certificates\/x509-library\.ts$/,
  '@opentelemetry': /^services\/runtime\/tracing\/open-telemetry\.ts$/,
  'reflect-metadata': /^services\/certificates\/x509-library\.ts$/,
};

interface Import {
  readonly from: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found: Import[] = [];
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?(?:[^'"();]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  for (const [, type, fixed, dynamic] of text.matchAll(pattern)) {
    found.push({ from: file, target: fixed ?? dynamic ?? '', typeOnly: type !== undefined });
  }
  return found;
}

const files = globSync(['services/**/*.ts', 'operator/**/*.ts'], { cwd: ROOT });
const imports = files.flatMap(importsOf);

const resolved = ({ from, target }: Pick<Import, 'from' | 'target'>) =>
  target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(from), target)) : target;

const within = (file: string, place: string) => file === place || file.startsWith(`${place}/`);

function placeOf(file: string): string | undefined {
  return Object.keys(ALLOWED)
    .filter((place) => within(file, place))
    .sort((a, b) => b.length - a.length)[0];
}

test('the tree is what the architecture says: every source file has its place', (t) => {
  t.true(files.length > 20, 'the sources were found');
  t.true(imports.length > files.length, 'the imports were read');
  t.deepEqual(
    files.filter((file) => placeOf(file) === undefined),
    [],
  );
});

test('imports go only in the directions that the architecture allows', (t) => {
  const wrong = imports.flatMap(({ from, target }) => {
    if (!target.startsWith('.')) return [];
    const to = resolved({ from, target });
    const place = placeOf(from) ?? '';
    const allowed = [place, ...(ALLOWED[place] ?? [])].some((other) => within(to, other));
    return allowed ? [] : [`${from} imports ${to}`];
  });
  t.deepEqual(wrong, []);
});

test('each heavy library is imported in one place only', (t) => {
  const wrong = imports.flatMap(({ from, target, typeOnly }) => {
    const library = Object.keys(SINGLE_IMPORT).find(
      (name) => target === name || target.startsWith(`${name}/`),
    );
    if (library === undefined || typeOnly) return [];
    return SINGLE_IMPORT[library]?.test(from) === true ? [] : [`${from} imports ${target}`];
  });
  t.deepEqual(wrong, []);
});

test('process.env is read in one file only', (t) => {
  const readers = files.filter((file) => /\bprocess\.env\b/.test(readFileSync(join(ROOT, file), 'utf8')));
  t.deepEqual(readers, ['services/runtime/config.ts']);
});

test('no file imports itself through others, types included', (t) => {
  const graph = new Map(
    files.map((file) => [file, imports.filter(({ from }) => from === file).map(resolved)]),
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    const begin = path.indexOf(file);
    if (begin >= 0) return [[...path.slice(begin), file].join(' → ')];
    if (done.has(file)) return [];
    const circles = (graph.get(file) ?? []).flatMap((next) => visit(next, [...path, file]));
    done.add(file);
    return circles;
  };
  t.deepEqual(
    files.flatMap((file) => visit(file, [])),
    [],
  );
});

test(`no folder has more than ${MOST_FILES} source files`, (t) => {
  const counts = new Map<string, number>();
  for (const file of globSync(['services/**/*.{ts,lua}', 'operator/**/*.{ts,mjs}', 'test/**/*.ts'], {
    cwd: ROOT,
  }))
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  t.deepEqual(
    [...counts].filter(([, count]) => count > MOST_FILES),
    [],
  );
});
