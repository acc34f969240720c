/** The metrics of event webhooks (docs/metrics.md). Gauges are those of the owner; other processes have none of that webhook. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { METRIC } from '../../contract.ts';
import type { StoredWebhook } from './store.ts';

export interface WebhookMetrics {
  delivered(webhook: string): void;
  failed(webhook: string): void;
  deadLettered(webhook: string): void;
  gap(webhook: string): void;
  /** Of the owner. */
  report(webhook: string, state: StoredWebhook): void;
  /** This process is no longer the owner. */
  forget(webhook: string): void;
}

export function createWebhookMetrics(registry: Registry, now: () => number): WebhookMetrics {
  const registers = [registry];
  const labelNames = ['webhook'] as const;
  const requests = new Counter({
    name: 'ocpp_api_webhook_requests_total',
    help: 'Requests with an event, by webhook and outcome: delivered or failed',
    labelNames: ['webhook', 'outcome'],
    registers,
  });
  const letters = new Counter({
    name: METRIC.apiWebhookDeadLetters,
    help: 'Events that became dead letters',
    labelNames,
    registers,
  });
  const gaps = new Counter({
    name: METRIC.apiWebhookGaps,
    help: 'Times that events were dropped before they were delivered',
    labelNames,
    registers,
  });
  const parked = new Gauge({
    name: 'ocpp_api_webhook_parked',
    help: 'Events that are parked, as their station or the endpoint fails or is slow',
    labelNames,
    registers,
  });
  const down = new Gauge({
    name: 'ocpp_api_webhook_down',
    help: '1 while the endpoint is down',
    labelNames,
    registers,
  });
  const since = new Map<string, string>();
  void new Gauge({
    name: METRIC.apiWebhookLag,
    help: 'Age of the oldest event that is not delivered',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [webhook, at] of since)
        this.set({ webhook }, at === '' ? 0 : Math.max(0, (now() - Number(at)) / 1000));
    },
  });
  return {
    delivered: (webhook) => requests.inc({ webhook, outcome: 'delivered' }),
    failed: (webhook) => requests.inc({ webhook, outcome: 'failed' }),
    deadLettered: (webhook) => letters.inc({ webhook }),
    gap: (webhook) => gaps.inc({ webhook }),
    report(webhook, state) {
      // Without a first value an increase would not be seen.
      gaps.inc({ webhook }, 0);
      since.set(webhook, state.waitingSince);
      parked.set({ webhook }, state.parked);
      down.set({ webhook }, state.downSince === '' ? 0 : 1);
    },
    forget(webhook) {
      since.delete(webhook);
      parked.remove({ webhook });
      down.remove({ webhook });
    },
  };
}
