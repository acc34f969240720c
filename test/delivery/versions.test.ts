/** One version everywhere: package.json and its lock, both charts, the operator's default image, SECURITY.md, and the tag of a release. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { DEFAULT_IMAGE } from '../../operator/config.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };

test('package.json, its lock, the charts, the default image and SECURITY.md have one version', (t) => {
  const lock = JSON.parse(read('package-lock.json')) as { version: string; packages: { '': object } };
  t.is(lock.version, version);
  t.like(lock.packages[''], { version });
  t.regex(read('SECURITY.md'), new RegExp(`^VERSION=${version}$`, 'm'));
  const charts = globSync('charts/*/Chart.yaml', { cwd: ROOT });
  t.is(charts.length, 2);
  for (const file of charts) {
    t.like(parse(read(file)), { version, appVersion: version }, file);
    const images = [...read(file).matchAll(/image: (\S+\/ocpp-cluster:\S+)/g)].map(([, image]) => image);
    t.deepEqual(images, [DEFAULT_IMAGE], file);
  }
  t.is(DEFAULT_IMAGE, `ghcr.io/ocpp-cluster/ocpp-cluster:${version}`);
});

test('SECURITY.md verifies the image and every chart, by the identity of the workflow that signs them', (t) => {
  const words = read('SECURITY.md');
  const [, workflow = ''] =
    /IDENTITY=\S+?\/(\.github\/workflows\/[\w.]+)@refs\/tags\/v\$VERSION/.exec(words) ?? [];
  for (const signed of ['cosign sign ', 'cosign attest ', '--type spdxjson', 'attest-build-provenance'])
    t.true(read(workflow).includes(signed), signed);
  for (const folder of globSync('charts/*', { cwd: ROOT }))
    t.true(words.includes(`cosign verify $SIGNER ghcr.io/$REPOSITORY/${folder}:$VERSION`), folder);
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
