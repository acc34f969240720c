/**
 * The signals of one cluster over time: scrapes its Pods once per interval and keeps their samples. Passes in between get
 * the same figures, but without `work`, which must be counted once.
 */
import type { Clock } from '../../services/runtime/clock.ts';
import { PATH, PORT } from '../../services/contract.ts';
import type { Signals } from '../scaling/demand.ts';
import type { Scrape, ScrapeTarget } from '../signals/scrape.ts';
import { type History, remember, signalsOf, workSince } from '../signals/signals.ts';
import { idOf, type Observed, podsOf } from '../observe/observe.ts';
import { isReady, type Pod } from '../observe/workloads.ts';

export interface Measuring {
  readonly scrape: Scrape;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Of the admin ports. */
  readonly token?: string | undefined;
}

/** A reading that is older than this many intervals counts as missing. */
const STALE_INTERVALS = 3;

export const staleMs = (intervalMs: number) => STALE_INTERVALS * Math.max(intervalMs, 5000);

export class Measurement {
  readonly #options: Measuring;
  #history: History = new Map();
  #scrapedAt = -Infinity;

  constructor(options: Measuring) {
    this.#options = options;
  }

  /** @param leaving names of ws-proxy Pods that a scale-in made unready: they count until their last station has left */
  async read(observed: Observed, leaving: readonly string[] = []): Promise<Signals> {
    const { clock, intervalMs, scrape, token } = this.#options;
    const before = this.#scrapedAt;
    // A requeue that fires slightly early still counts as due.
    const due = clock.now() - before >= intervalMs * 0.9;
    if (due) {
      this.#scrapedAt = clock.now();
      const samples = await scrape(observed.pods.flatMap((pod) => targetOf(pod, token)));
      this.#history = remember(this.#history, samples, observed.pods.map(idOf));
    }
    const proxies = podsOf(observed, 'ws-proxy');
    const leaves = ({ metadata: { name, deletionTimestamp } }: Pod) =>
      deletionTimestamp !== undefined || leaving.includes(name);
    const signals = signalsOf(this.#history, {
      proxies: proxies.filter((pod) => isReady(pod) && !leaves(pod)).map(idOf),
      draining: proxies.filter(leaves).map(idOf),
      now: clock.now(),
      staleMs: staleMs(intervalMs),
    });
    const work = due ? workSince(this.#history, before) : undefined;
    return work === undefined ? signals : { ...signals, work };
  }
}

/** @param token of the admin port */
export function targetOf(pod: Pod, token?: string): ScrapeTarget[] {
  const component = pod.metadata.labels?.['app.kubernetes.io/component'];
  const host = pod.status?.podIP;
  if (component !== 'ws-proxy' && component !== 'processor') return [];
  if (host === undefined || pod.status?.phase !== 'Running') return [];
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const port = ports.find(({ name }) => name === 'admin')?.containerPort ?? PORT.admin;
  return [
    { pod: idOf(pod), component, host, port, path: PATH.metrics, ...(token !== undefined && { token }) },
  ];
}
