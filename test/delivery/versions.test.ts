/** One version everywhere: package.json, both charts, the image that the operator gives to clusters, and the tag of a release. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { DEFAULT_IMAGE } from '../../operator/config.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };

test('package.json, the charts and the default image are of one version', (t) => {
  const charts = globSync('charts/*/Chart.yaml', { cwd: ROOT });
  t.is(charts.length, 2);
  for (const file of charts) t.like(parse(read(file)), { version, appVersion: version }, file);
  t.is(DEFAULT_IMAGE, `ghcr.io/ocpp-cluster/ocpp-cluster:${version}`);
});

test('a tag is the version of what is tagged, and the changelog tells of it', (t) => {
  const tag = process.env['RELEASE_TAG'] ?? '';
  if (tag === '') {
    t.pass('no release is being made');
    return;
  }
  t.is(tag, `v${version}`);
  t.true(read('CHANGELOG.md').includes(`## [${version}]`), `CHANGELOG.md has no section [${version}]`);
});

interface Workflow {
  readonly permissions?: object;
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly uses?: string; readonly run?: string }[] }>
  >;
}

test('the workflows run the gate as it is, with no right that they do not name', (t) => {
  const all = globSync('.github/workflows/*.yaml', { cwd: ROOT }).map(
    (file) => parse(read(file)) as Workflow,
  );
  for (const workflow of all) t.deepEqual(workflow.permissions, { contents: 'read' });
  const steps = all.flatMap(({ jobs }) => Object.values(jobs)).flatMap((job) => job.steps);
  t.true(steps.some(({ run }) => run?.endsWith('.ci/run') === true));
  for (const { uses } of steps) if (uses !== undefined) t.regex(uses, /^[\w-]+\/[\w-]+@v\d+/);
  const scripts = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = steps.flatMap(({ run = '' }) =>
    [...run.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? ''),
  );
  t.deepEqual(
    named.filter((name) => scripts.scripts[name] === undefined),
    [],
  );
});
