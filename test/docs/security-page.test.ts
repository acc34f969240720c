/** docs/security.md: its resources are good, its table of refusals is complete, and its threats cite tests that exist. */
import test from 'ava';
import { parse } from 'yaml';
import type { OcppClusterSpec } from '../../operator/api/ocpp-cluster.ts';
import { validateCluster } from '../../operator/api/validate.ts';
import { parseManifest } from '../../operator/local/cli/manifest.ts';
import { DEFAULT_SUITES } from '../../services/station-server/tls/suites.ts';
import { readCommand } from '../../services/stations/usage.ts';
import { REFUSAL_ADVICE } from '../../services/ws-proxy/refusal-advice.ts';
import { city } from '../support/rendered.ts';
import { blocksOf, read, section } from './page-commands.ts';

const page = read('docs/security.md');
const SECURE = read('examples/secure.yaml');

test('what it says of the stations program in the text are commands of it', (t) => {
  const named = [...page.matchAll(/`stations ([a-z][^`]*)`/g)].map(([, text = '']) => text);
  t.true(named.length > 8);
  for (const text of named) t.notThrows(() => readCommand(text.split(' ')), text);
});

test('its resources and patches are good', (t) => {
  for (const yaml of blocksOf(page, 'yaml')) {
    const { spec } = parse(yaml) as { spec: OcppClusterSpec };
    t.deepEqual(validateCluster(city(spec)), [], yaml);
  }
  const [cluster] = parseManifest(SECURE, 'examples/secure.yaml').clusters;
  const patches = [...page.matchAll(/--type=merge -p '([^']+)'/g)].map(
    ([, json = '']) => JSON.parse(json) as { spec: { authentication: object } },
  );
  t.is(patches.length, 2);
  for (const { spec } of patches) {
    const authentication = { ...cluster?.spec?.authentication, ...spec.authentication };
    const merged = { ...cluster?.spec, authentication } as OcppClusterSpec;
    t.deepEqual(validateCluster(city(merged)), [], JSON.stringify(spec));
  }
});

test('its table of refusals has each reason once, with its status', (t) => {
  const rows = [...section(page, 'Refusals').matchAll(/^\| `([a-z-]+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$/gm)];
  t.deepEqual(rows.map(([, code = '']) => code).sort(), Object.keys(REFUSAL_ADVICE).sort());
  for (const [, code, status = ''] of rows) t.regex(status, /\b(101|4\d\d|503)\b/, code);
});

test('it names the suites that are offered', (t) => {
  const table = section(page, 'Listeners and certificates');
  t.deepEqual(
    DEFAULT_SUITES.filter((suite) => !table.includes(`\`${suite}\``)),
    [],
  );
});

test('each threat names a test that exists in the file that it names', (t) => {
  const rows = section(page, 'Threats')
    .split('\n')
    .filter((line) => /^\| (?!threat|---)/.test(line));
  t.true(rows.length >= 20);
  for (const row of rows) {
    const shown = row.split(' | ')[2] ?? '';
    const cited = [...shown.matchAll(/`([\w/.-]+\.test\.ts)`: ((?:\*[^*]+\*(?:, )?)+)/g)];
    t.true(cited.length > 0 && cited.length === shown.split('.test.ts').length - 1, row);
    for (const [, file = '', titles = ''] of cited) {
      const source = read(file).replaceAll("\\'", "'");
      for (const [, title = ''] of titles.matchAll(/\*([^*]+)\*/g))
        t.deepEqual(
          title.split('…').filter((part) => !source.includes(part.trim())),
          [],
          file,
        );
    }
  }
});
