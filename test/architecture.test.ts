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
  ],
  'services/ws-proxy': ['services/ocpp', 'services/transport', 'services/runtime', 'services/contract.ts'],
  'services/processor': ['services/ocpp', 'services/transport', 'services/runtime', 'services/contract.ts'],
  'services/dead-letters': ['services/transport', 'services/runtime', 'services/contract.ts'],
  // What others build on: it puts the parts together, and no part knows of it.
  'services/library': [
    'services/ws-proxy',
    'services/processor',
    'services/ocpp',
    'services/transport',
    'services/runtime',
  ],
  'services/monolith.ts': [
    'services/library',
    'services/ws-proxy',
    'services/processor',
    'services/ocpp',
    'services/transport',
    'services/runtime',
    'services/contract.ts',
  ],
  'operator/api': ['operator/kube/object-store.ts'],
  'operator/render': ['operator/api', 'operator/kube/object-store.ts', 'services/contract.ts'],
  'operator/scaling': ['operator/api'],
  'operator/signals': ['operator/scaling', 'services/contract.ts'],
  'operator/kube': ['operator/controller', 'services/runtime'],
  'operator/controller': ['operator/kube/object-store.ts', 'services/runtime'],
  'operator/reconcile': [
    'operator/api',
    'operator/render',
    'operator/scaling',
    'operator/signals',
    'operator/controller',
    'operator/kube/object-store.ts',
    'services/runtime',
    'services/contract.ts',
  ],
  'operator/program-metrics.ts': ['operator/version.ts'],
  'operator/version.ts': [],
  'operator/config.ts': ['operator/api', 'operator/render', 'services/runtime', 'services/contract.ts'],
  'operator/operator.ts': ['operator', 'services/runtime', 'services/contract.ts'],
  'operator/main.ts': ['operator', 'services/runtime', 'services/contract.ts'],
  'operator/local': ['operator', 'services/runtime', 'services/contract.ts'],
};

/** Library → the files that may import it at run time (`import type` is free). */
const SINGLE_IMPORT: Readonly<Record<string, RegExp>> = {
  '@marcbachmann/cel-js': /^operator\/api\/cel\.ts$/,
  '@kubernetes/client-node': /^operator\/kube\/client\.ts$/,
  ioredis: /^services\/transport\/redis\/connection\.ts$/,
  ws: /^services\/transport\/websocket\//,
  convict: /^services\/runtime\/config\.ts$/,
  pino: /^services\/runtime\/log\.ts$/,
  'typed-ocpp': /^services\/ocpp\//,
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
    const to = relative(ROOT, join(ROOT, dirname(from), target));
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
