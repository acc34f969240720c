/** The GitHub workflows against the repository. `npm run schemas` has their syntax checked. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Job {
  readonly uses?: string;
  readonly needs?: string;
  readonly steps?: readonly { readonly uses?: string; readonly run?: string }[];
  readonly strategy?: { readonly matrix: { readonly include: readonly { readonly node: string }[] } };
}
interface Workflow {
  readonly permissions?: object;
  readonly jobs: Readonly<Record<string, Job>>;
}

const files = globSync('.github/workflows/*.yaml', { cwd: ROOT });
const workflow = (file: string) => parse(read(file)) as Workflow;
const ci = workflow('.github/workflows/ci.yaml');
const jobs = files.flatMap((file) => Object.values(workflow(file).jobs));
const steps = jobs.flatMap((job) => job.steps ?? []);

test('nothing has a right that it does not name; actions of others stand by commit', (t) => {
  for (const file of files) {
    t.deepEqual(workflow(file).permissions, { contents: 'read' }, file);
    const uses = read(file)
      .split('\n')
      .filter((line) => /^\s*(- )?uses: (?!\.\/)/.test(line));
    for (const line of uses) t.regex(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
});

test('the gate is .ci/run as everybody runs it, and goes before a release', (t) => {
  t.true(ci.jobs['gate']?.steps?.some(({ run }) => run?.endsWith('.ci/run') === true));
  const { jobs: release } = workflow('.github/workflows/release.yaml');
  t.like(release, { ci: { uses: './.github/workflows/ci.yaml' }, publish: { needs: 'ci' } });
});

test('every script that a workflow runs is there', (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = steps.flatMap(({ run = '' }) =>
    [...run.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? ''),
  );
  t.true(named.includes('e2e'));
  t.deepEqual(
    named.filter((name) => scripts[name] === undefined),
    [],
  );
});

test('e2e runs on every minor version of Kubernetes from the oldest that the charts claim, by digest', (t) => {
  const images = ci.jobs['e2e']?.strategy?.matrix.include.map(({ node }) => node) ?? [];
  for (const image of images) t.regex(image, /^v1\.\d+\.\d+@sha256:[0-9a-f]{64}$/);
  const minors = images.map((image) => Number(image.split('.')[1])).sort((a, b) => a - b);
  for (const file of globSync('charts/*/Chart.yaml', { cwd: ROOT })) {
    const { kubeVersion } = parse(read(file)) as { kubeVersion: string };
    t.is(kubeVersion, `>=1.${minors[0]}.0-0`, file);
  }
  t.deepEqual(
    minors,
    minors.map((_, i) => (minors[0] ?? 0) + i),
  );
});
