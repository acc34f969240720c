/**
 * The alerts of one cluster: each says what stations notice and what to do first. `critical` needs attention now,
 * `warning` in the morning. Normal operation (drains, scaling, reconnects) fires no alert, and a missing figure is
 * not a zero.
 */
import type { RenderInput } from '../render-input.ts';
import { anomalies } from './anomalies.ts';
import { lostBills, waitingBills } from './billing.ts';
import { credentials } from './credentials.ts';
import { decisionFallbacks } from './decisions.ts';
import { fullStores, nearLimits } from './limits.ts';
import { misplacedLoad } from './load.ts';
import { closedDoors, lateAnswers, outages } from './outages.ts';
import { lateWebhooks } from './webhooks.ts';
import { type Alert, readers, type Rule } from './rule.ts';

export function alerts(input: RenderInput): Alert[] {
  const { cluster, namespace } = input;
  const { name } = cluster.metadata;
  const withSeverity = (severity: string, rules: readonly Rule[]) =>
    rules.map(({ alert, expr, for: since, summary, description }) => ({
      alert,
      expr,
      for: since,
      labels: { severity, namespace, ocpp_cluster: name },
      annotations: { summary: `OcppCluster ${namespace}/${name}: ${summary}`, description },
    }));
  const of = readers(`{namespace="${namespace}",ocpp_cluster="${name}"}`);
  return [
    ...withSeverity('critical', [
      ...outages(input, of),
      ...lateAnswers(input, of),
      ...fullStores(of),
      ...closedDoors(input, of),
      ...lostBills(input, of),
    ]),
    ...withSeverity('warning', [
      ...nearLimits(input, of),
      ...misplacedLoad(input, of),
      ...waitingBills(input, of),
      ...anomalies(of),
      ...decisionFallbacks(input, of),
      ...credentials(input, of),
      ...lateWebhooks(input, of),
    ]),
  ];
}
