/** docs/incidents.md has a section for each incident that the test plays, and names no alert and no picture that does not exist. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { alerts } from '../../operator/render/alerts/alerts.ts';
import { renderInputOf } from '../../operator/render/render-input.ts';
import { city } from '../support/rendered.ts';
import { hastened } from './hastened.ts';
import type { Incident } from './incident.ts';
import { INCIDENTS } from './incidents.ts';
import { pictureFile } from './pictures.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/incidents.md'), 'utf8');
const CHART = readFileSync(join(ROOT, 'charts/ocpp-operator/templates/prometheus-rule.yaml'), 'utf8');
const LARGEST_PICTURE = 120_000;
/** Of a PNG, whose header has it at byte 16. */
const WIDEST_PICTURE = 1280;

const webhooks = [{ name: 'a', url: 'https://a', signingSecret: { name: 'a', key: 'a' } }];
const rules = alerts(
  renderInputOf(city({ api: { enabled: true, webhooks } }), {
    image: 'i',
    redisImage: 'r',
    processorReplicas: 1,
    proxyReplicas: 2,
    renderRevision: 3,
  }),
);

const sections = new Map(
  PAGE.split(/^## /m)
    .slice(1)
    .map((text) => [text.split('\n', 1)[0] ?? '', text]),
);
const sectionOf = ({ name }: Incident) => sections.get(name) ?? '';

test('each section is an incident of the test, in its order', (t) => {
  t.deepEqual(
    [...sections.keys()],
    INCIDENTS.map(({ name }) => name),
  );
});

test('a section has the alert, the picture, what drivers notice, the commands that the test does, and how it ends', (t) => {
  for (const incident of INCIDENTS) {
    const section = sectionOf(incident);
    t.true(section.includes(`**Alert.** \`${incident.alert}\``), incident.name);
    t.true(section.includes(`](pictures/${incident.picture}.png)`), incident.name);
    for (const part of ['**What drivers notice.**', '**Repair.**', '**It is over when**'])
      t.true(section.includes(part), `${incident.name}: ${part}`);
    for (const command of incident.commands)
      t.true(section.includes(command), `${incident.name}: ${command}`);
    t.true(
      incident.says.every((text) => text.length > 10),
      incident.name,
    );
    t.regex(PAGE, new RegExp(`^\\| \`${incident.alert}\` \\| \\[${incident.name}\\]`, 'm'));
  }
});

test('every alert that the page names exists', (t) => {
  const ofChart = [...CHART.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = '']) => name);
  const known = new Set([...ofChart, ...rules.map(({ alert }) => alert)]);
  const named = [...PAGE.matchAll(/`(Ocpp[A-Z]\w+)`/g)].map(([, name = '']) => name);
  t.deepEqual(
    named.filter((name) => name !== 'OcppCluster' && !known.has(name)),
    [],
  );
  t.true(named.length > 10);
});

test('the pictures are there, small enough to load on a telephone', (t) => {
  for (const incident of INCIDENTS) {
    const file = pictureFile(incident);
    t.true(statSync(file).size < LARGEST_PICTURE, `${incident.picture}: ${statSync(file).size} bytes`);
    const width = readFileSync(file).readUInt32BE(16);
    t.true(width <= WIDEST_PICTURE, `${incident.picture}: ${width} pixels wide`);
  }
});

test('the alerts of the test are those that are shipped, with less patience', (t) => {
  const [{ rules: hasty } = { rules: [] }] = hastened(150)([{ name: 'city', rules }]);
  const exprOf = (of: readonly { alert: string; expr: string; for?: string }[], name: string) => {
    const found = of.find(({ alert }) => alert === name);
    return [found?.for, found?.expr];
  };
  const [, late = ''] = exprOf(rules, 'OcppWebhookLate');
  t.regex(late, / > 900$/);
  t.deepEqual(exprOf(hasty, 'OcppWebhookLate'), ['2s', late.replace(' > 900', ' > 6')]);
  const [, lost = ''] = exprOf(rules, 'OcppStationsLost');
  t.deepEqual(exprOf(hasty, 'OcppStationsLost'), ['2s', lost.replaceAll('offset 15m', 'offset 6s')]);
  const [, slow = ''] = exprOf(rules, 'OcppRedisSlow');
  t.deepEqual(exprOf(hasty, 'OcppRedisSlow'), ['2s', slow.replace('[5m]', '[5s]')]);
  // A bound that is no patience stays: a certificate that ends within a week.
  t.deepEqual(exprOf(hasty, 'OcppCertificateExpires')[1], exprOf(rules, 'OcppCertificateExpires')[1]);
});
