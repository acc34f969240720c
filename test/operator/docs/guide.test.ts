/** What docs/ocppcluster.md, docs/tolerance.md and docs/decision-webhook.md tell users to write is what is taken, and what they say there is, is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { fieldSchema } from '../../../operator/api/schema.ts';
import { validateCluster } from '../../../operator/api/validate.ts';
import { alerts } from '../../../operator/render/alerts/alerts.ts';
import { RENDER_REVISION } from '../../../operator/render/revision.ts';
import { renderInputOf } from '../../../operator/render/render-input.ts';
import { handlerSettings } from '../../../services/processor/config.ts';
import { proxySettings } from '../../../services/ws-proxy/config.ts';
import { startApiServer } from '../../support/api-server.ts';
import { installForeignCrds } from '../../support/foreign-crds.ts';
import { applyStrictly, city, rendered } from '../../support/rendered.ts';

const ROOT = join(import.meta.dirname, '../../..');
const guide = readFileSync(join(ROOT, 'docs/ocppcluster.md'), 'utf8');
const tolerance = readFileSync(join(ROOT, 'docs/tolerance.md'), 'utf8');
const decisions = readFileSync(join(ROOT, 'docs/decision-webhook.md'), 'utf8');
const examples = [...`${guide}\n${tolerance}\n${decisions}`.matchAll(/```yaml\n([^`]*)```/g)].map(
  ([, yaml = '']) => parse(yaml) as { kind?: string; metadata?: object; spec: OcppClusterSpec },
);

const ADD_ONS = new Set(['HTTPRoute', 'Certificate']);

test('every example is a good OcppCluster, and an API server takes it and what is made of it', async (t) => {
  t.true(examples.length >= 10);
  await using server = await startApiServer();
  await server?.installCrd(readFileSync(join(ROOT, 'crds/ocppclusters.yaml'), 'utf8'));
  const addOns =
    server !== undefined &&
    (await installForeignCrds(server, [
      'gateway.networking.k8s.io_httproutes',
      'cert-manager.io_certificates',
    ]));
  for (const { kind, metadata, spec } of examples) {
    const path = `/apis/${kind === undefined ? 'ocpp.dev/v1alpha1' : 'networking.k8s.io/v1'}/namespaces/default`;
    const post = (plural: string, body: object) =>
      server?.http.json({
        method: 'POST',
        path: `${path}/${plural}`,
        query: { dryRun: 'All', fieldValidation: 'Strict' },
        body,
      }) ?? Promise.resolve();
    const label = JSON.stringify(spec);
    if (kind !== undefined) {
      await t.notThrowsAsync(
        post('networkpolicies', { metadata: { ...metadata, namespace: 'default' }, spec }),
        label,
      );
      continue;
    }
    t.deepEqual(validateCluster(city(spec)), [], label);
    await t.notThrowsAsync(post('ocppclusters', city(spec)), label);
    if (server === undefined) continue;
    for (const object of rendered(spec, { operatorNamespace: 'ocpp-system' })) {
      if (/PodMonitor|PrometheusRule/.test(object.kind) || (ADD_ONS.has(object.kind) && !addOns)) continue;
      await t.notThrowsAsync(applyStrictly(server.http, object), `${label}: ${object.kind}`);
    }
  }
});

test('its table of alerts has all, with their severity', (t) => {
  const rows = [...guide.matchAll(/^\| (`Ocpp[^|]*) \| (\w+) \|/gm)].flatMap(([, names = '', severity]) =>
    names.split(', ').map((name) => `${name.replaceAll('`', '')} ${severity}`),
  );
  const context = {
    image: 'i',
    redisImage: 'r',
    processorReplicas: 1,
    proxyReplicas: 2,
    renderRevision: RENDER_REVISION,
  };
  const withAll = city({
    billing: { sink: { postgres: { secretName: 'bills' } } },
    decisions: {
      webhook: {
        url: 'https://decider.example.com',
        signingSecret: { name: 'decider', key: 'secret' },
        actions: [],
      },
    },
    api: {
      enabled: true,
      webhooks: [{ name: 'a', url: 'https://a', signingSecret: { name: 'a', key: 'a' } }],
    },
  });
  const all = alerts(renderInputOf(withAll, context)).map(
    ({ alert, labels }) => `${alert} ${labels['severity']}`,
  );
  t.deepEqual(rows.sort(), all.sort());
});

test('the table of settings names fields with their defaults, and variables that the programs read', (t) => {
  const rows = [...tolerance.matchAll(/^\| `spec\.([\w.]+)` \| `(\w+)`[^|]* \| `?(\w+)/gm)];
  const { transactions } = fieldSchema('spec', 'processor').properties ?? {};
  t.is(rows.length, 3 + Object.keys(transactions?.properties ?? {}).length);
  const read = new Set(
    Object.values({ ...handlerSettings, ...proxySettings }).map(({ env }: { readonly env: string }) => env),
  );
  for (const [, field = '', variable = '', written = ''] of rows) {
    const { default: value = 'none' } = fieldSchema('spec', ...field.split('.'));
    t.is(written, String(value), field);
    t.true(read.has(variable), variable);
  }
});
