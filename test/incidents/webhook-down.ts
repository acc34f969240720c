/** The endpoint of a webhook refuses connections. */
import { TEXTS } from '../../services/console/texts.ts';
import { until } from '../support/until.ts';
import { startWebhook, type WebhookRequest } from '../support/webhook-server.ts';
import type { Incident } from './incident.ts';

/** Stations that reconnect meanwhile, twice each. */
const MOVED = 10;

/** By station, in the order of arrival. */
function timesOf(requests: readonly WebhookRequest[]): ReadonlyMap<string, readonly number[]> {
  const times = new Map<string, number[]>();
  for (const { body } of requests) {
    const { subject, time } = body as { subject: string; time: string };
    times.set(subject, [...(times.get(subject) ?? []), Date.parse(time)]);
  }
  return times;
}

export const webhookDown: Incident = {
  name: 'A webhook is down',
  picture: 'incident-webhook-down',
  alert: 'OcppWebhookLate',
  says: [TEXTS.network.findings.webhook.down('billing')],
  cards: [TEXTS.network.out.title],
  commands: [],
  async happen(network) {
    await network.endpoint[Symbol.asyncDispose]();
    network.simulation.cut(MOVED);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    network.simulation.cut(MOVED);
  },
  async repair(network) {
    const port = Number(new URL(network.endpoint.url).port);
    network.endpoint = await startWebhook(() => ({}), undefined, port);
  },
  /** Nothing is lost, and the events of a station keep their order. */
  async after(t, network) {
    const { requests } = network.endpoint;
    await until(() => requests.length >= 4 * MOVED, `events of ${MOVED} stations`, 60_000, 200);
    for (const [station, times] of timesOf(requests))
      t.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        station,
      );
  },
};
