/** A replay end to end: the table, the sentences and the picture. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { hpa } from '../../../operator/whatif/hpa.ts';
import { pictureOf } from '../../../operator/whatif/picture.ts';
import { policyOf } from '../../../operator/whatif/policy.ts';
import { RECORD, recordingOf } from '../../../operator/whatif/recording.ts';
import { replay } from '../../../operator/whatif/replay.ts';
import { reportOf } from '../../../operator/whatif/report.ts';
import { CAPACITY } from '../../../operator/whatif/shapes.ts';
import { run } from '../../../operator/whatif/world.ts';
import { CHILD_ENVIRONMENT } from '../../support/child-environment.ts';
import { answerOf, BEGIN, seriesOfRun } from './answer.ts';

const ROOT = join(import.meta.dirname, '../../..');
const conditions = {
  seconds: 3600,
  arrivals: (second: number) => (second >= 900 && second < 2100 ? 220 : 30),
  capacity: () => CAPACITY,
  startupSeconds: () => 8,
  concurrency: 1,
};
const made = run(conditions, hpa({ minReplicas: 1, maxReplicas: 20, target: 100 }), 1);
/** Without the samples of two minutes. */
const series = seriesOfRun(made, CAPACITY, 15).map(({ metric, values }) => ({
  metric,
  values: values.filter(([at]) => at < BEGIN + 1500 || at > BEGIN + 1620),
}));
const text = answerOf(series);
const recording = recordingOf(text);
const POLICY = 'maxReplicas: 8\nscaleDownStabilizationSeconds: 120\n';
const result = replay(recording, policyOf(POLICY), { startupSeconds: 8 });

test('a replay scales with the recorded load, within the bounds of the policy, and holds in the gap', (t) => {
  const { moments, changes } = result.own;
  t.is(moments.length, recording.seconds);
  t.true(Math.max(...moments.map(({ replicas }) => replicas)) >= 5);
  t.true(Math.max(...moments.map(({ replicas }) => replicas)) <= 8);
  t.is(moments.at(-1)?.replicas, 1);
  t.deepEqual(
    changes.filter(({ second }) => second > 1515 && second < 1610),
    [],
  );
});

test('the report has a row for each scaler and a sentence for each decision', (t) => {
  const lines = reportOf(recording, result).split('\n');
  for (const name of ['operator', 'HPA, 50 per processor', 'recorded'])
    t.true(
      lines.some((line) => line.startsWith(`| ${name} |`)),
      name,
    );
  const sentences = lines.filter((line) =>
    /^\d{4}-\d\d-\d\dT[\d:]{8}Z \d+ -> \d+: .*frames\/s arrive/.test(line),
  );
  t.is(sentences.length, result.own.changes.length);
  t.true(sentences.length > 2);
});

test('the picture has three plots of three lines, the gap, and no figure that is none', (t) => {
  const svg = pictureOf(recording, result);
  t.is(svg.match(/<path /g)?.length, 9);
  t.is(svg.match(/<rect class="shaded"/g)?.length, 4, 'in each plot and in the legend');
  t.notRegex(svg, /NaN|undefined|Infinity/);
  for (const words of [
    'processors',
    'age of the oldest waiting message, s',
    'operator',
    'recorded',
    'minutes',
  ])
    t.true(svg.includes(`>${words}<`), words);
});

test('the program prints the report, writes the picture, and says what is wrong with a file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'whatif-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const [metrics, policy, svg] = [file('m.json', text), file('p.yaml', POLICY), join(folder, 'o.svg')];
  const start = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOT, 'operator/whatif/main.ts'), ...args], {
      encoding: 'utf8',
      env: CHILD_ENVIRONMENT,
    });
  const good = start('--metrics', metrics, '--policy', policy, '--startup', '8', '--svg', svg);
  t.like(good, { status: 0, stderr: '', stdout: `${reportOf(recording, result)}\n` });
  t.is(readFileSync(svg, 'utf8'), pictureOf(recording, result));

  const empty = start('--metrics', file('empty.json', ''), '--policy', policy);
  t.is(empty.status, 1);
  t.true(empty.stderr.includes('empty.json: the recording is empty'));
  t.true(empty.stderr.includes(RECORD));
  const huge = file('huge.json', '');
  truncateSync(huge, 201e6);
  t.regex(start('--metrics', huge, '--policy', policy).stderr, /huge\.json: is larger than 200 MB/);
  const unknown = start('--metrics', metrics, '--policy', file('u.yaml', 'maximum: 3'));
  t.like(unknown, { status: 1, stdout: '' });
  t.regex(unknown.stderr, /^whatif: [^\n]*u\.yaml: maximum: there is no such field\n$/);
  const missing = start('--metrics', join(folder, 'none.json'), '--policy', policy);
  t.regex(missing.stderr, /^whatif: [^\n]*none\.json: there is no such file\n$/);
});

test('docs/autoscaling.md has the command that --help prints', (t) => {
  t.true(readFileSync(join(ROOT, 'docs/autoscaling.md'), 'utf8').includes(RECORD));
});

test('docs/autoscaling.svg is what the command of the page draws from the recording of a real cluster', (t) => {
  const at = (file: string) => readFileSync(join(ROOT, file), 'utf8');
  const command = /^npm run whatif -- --metrics (\S+) --policy (\S+) --startup (\d+) --svg (\S+)$/m;
  const [, metrics = '', policy = '', startup = '', svg = ''] = command.exec(at('docs/autoscaling.md')) ?? [];
  const recorded = recordingOf(at(metrics));
  const replayed = replay(recorded, policyOf(at(policy)), { startupSeconds: Number(startup) });
  t.is(pictureOf(recorded, replayed), at(svg));
  t.true(replayed.own.changes.length > 0);
});
