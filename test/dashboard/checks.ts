/** What tests of the dashboard hold against a Prometheus and the metrics of programs. */
import { execFileSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import type { PrometheusServer } from '../faults/prometheus-server.ts';
import { until } from '../support/until.ts';
import { type Query, withVariables } from './dashboard.ts';
import { ask } from './world.ts';

export const VARIABLES = { namespace: 'test', cluster: 'city', rateInterval: '20s' };

/** Waits until each query has returned a series at least once. */
export async function allReturn(
  t: ExecutionContext,
  prometheus: PrometheusServer,
  queries: readonly Query[],
  seconds: number,
) {
  let missing = queries;
  const done = async () => {
    const empty = await Promise.all(
      missing.map(async (query) => {
        const series = await ask(prometheus, withVariables(query.expr, VARIABLES));
        return series.some(({ value }) => Number.isFinite(value)) ? [] : [query];
      }),
    );
    missing = empty.flat();
    return missing.length === 0;
  };
  await until(done, 'series of all queries', seconds * 1000, 1000).catch(() => undefined);
  t.deepEqual(
    missing.map(({ name, expr }) => `${name}: ${withVariables(expr, VARIABLES)}`),
    [],
  );
}

/** What promtool finds that stays: prom-client has given these names to its metrics of Node.js, and dashboards elsewhere know them. */
export const KNOWN_FINDINGS = new Set([
  'nodejs_active_handles_total non-counter metrics should not have "_total" suffix',
  'nodejs_active_requests_total non-counter metrics should not have "_total" suffix',
  'nodejs_active_resources_total non-counter metrics should not have "_total" suffix',
  "nodejs_eventloop_utilization_histogram metric name should not include type 'histogram'",
  "nodejs_eventloop_utilization_summary metric name should not include type 'summary'",
]);

/** @returns the known findings that were found */
export function promtoolChecks(
  t: ExecutionContext,
  metrics: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [component, text] of metrics) {
    let findings = '';
    try {
      execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      findings = `${stdout}${stderr}`;
    }
    const lines = findings.split('\n').filter((line) => line !== '');
    t.deepEqual(
      lines.filter((line) => !KNOWN_FINDINGS.has(line)),
      [],
      component,
    );
    for (const line of lines) found.add(line);
  }
  return found;
}
