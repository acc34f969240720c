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
