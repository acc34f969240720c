/** docs/metrics.md lists what ws-proxy and processor export. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Registry } from 'prom-client';
import { METRIC } from '../../services/contract.ts';
import { createApiMetrics } from '../../services/api/metrics.ts';
import { createWebhookMetrics } from '../../services/api/webhooks/metrics.ts';
import { createMetrics } from '../../services/processor/metrics.ts';
import { createSpanCounter } from '../../services/runtime/tracing/start-tracing.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { createProxyMetrics } from '../../services/ws-proxy/metrics.ts';

const read = (page: string) => readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');
const PAGE = read('metrics.md');

/** Of a program that traces. */
const NO_SPANS = { exported: 0, overflowed: 0, failed: 0 };
const none = { depth: 0, oldestSeconds: 0, inFlight: 0 };

/** `name type labels` of each metric of our own, sorted. */
async function exported(registry: Registry): Promise<string[]> {
  const all = await registry.getMetricsAsJSON();
  return all
    .filter(({ name }) => name.startsWith('ocpp_'))
    .map(({ name, type }) => {
      const { labelNames = [] } = registry.getSingleMetric(name) as { labelNames?: readonly string[] };
      return `${name} ${type} ${labelNames.join(' ')}`;
    })
    .sort();
}

/** The same of the tables under the given headings. */
function listed(...headings: readonly string[]): string[] {
  const sections = PAGE.split(/^## /m).filter((text) => headings.some((one) => text.startsWith(`${one}\n`)));
  const rows = sections.join('\n').matchAll(/^\| `(\w+)` \| (\w+) \|(.*?)\| .+ \|$/gm);
  return [...rows]
    .map(([, name, type, labels = '']) => `${name} ${type} ${(labels.match(/\w+/g) ?? []).join(' ')}`)
    .sort();
}

const BOTH = 'The whole cluster, from both programs';

test('docs/metrics.md lists what ws-proxy exports, with type and labels', async (t) => {
  const sources = {
    sessions: () => 0,
    held: () => 0,
    unproven: () => 0,
    sourceFailing: () => false,
    bootsWaiting: () => 0,
    handshakesWaiting: () => 0,
    lost: () => 0,
    share: () => 1,
    load: async () => none,
  };
  const { registry } = createProxyMetrics({ ...sources, clock: systemClock });
  createSpanCounter(registry, NO_SPANS);
  t.deepEqual(listed(BOTH, 'ws-proxy'), await exported(registry));
});

test('docs/metrics.md lists what the processor exports, with type and labels', async (t) => {
  const registry = new Registry();
  createMetrics(registry).countInFlight(() => 0);
  createSpanCounter(registry, NO_SPANS);
  t.deepEqual(listed(BOTH, 'processor'), await exported(registry));
});

test('docs/metrics.md lists what the API exports, with type and labels', async (t) => {
  const registry = new Registry();
  createApiMetrics(registry).countStreams(() => 0);
  createWebhookMetrics(registry, () => 0);
  t.deepEqual(listed('api'), await exported(registry));
});

test('docs/metrics.md has every metric that the operator reads, or the page of the bill sink', (t) => {
  const pages = PAGE + read('bill-sink.md');
  for (const name of Object.values(METRIC)) {
    // The page names a histogram once, not each of its series.
    const histogram = name.replace(/_(sum|count)$/, '');
    const row = histogram === name ? `| \`${name}\` |` : `| \`${histogram}\` | histogram |`;
    t.true(pages.includes(row), name);
  }
});
