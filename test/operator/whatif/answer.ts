/** An answer of Prometheus to a range query, as a simulated run would have left it. */
import { METRIC } from '../../../services/contract.ts';
import type { Run } from '../../../operator/whatif/world.ts';

export interface SeriesOfAnswer {
  readonly metric: Record<string, string>;
  readonly values: [number, string][];
}

export const BEGIN = 1_767_600_000;
const OF_CLUSTER = { namespace: 'charging', ocpp_cluster: 'city' };
const PROXY = { ...OF_CLUSTER, pod: 'proxy-0' };

/** @param capacity what a processor handles in a busy second @param step s between two samples */
export function seriesOfRun({ moments }: Run, capacity: number, step: number): SeriesOfAnswer[] {
  const all = new Map<string, SeriesOfAnswer>();
  const add = (name: string, labels: Record<string, string>, at: number, value: number) => {
    const id = `${name} ${labels['pod']}`;
    const one = all.get(id) ?? { metric: { __name__: name, ...labels }, values: [] };
    one.values.push([BEGIN + at, String(value)]);
    all.set(id, one);
  };
  let forwarded = 0;
  const completed = new Map<number, number>();
  for (const { second, arrived, completed: done, ready, replicas, backlog, oldestSeconds } of moments) {
    forwarded += arrived;
    for (let pod = 0; pod < ready; pod += 1) completed.set(pod, (completed.get(pod) ?? 0) + done / ready);
    if (second % step !== 0) continue;
    add(METRIC.proxyForwarded, PROXY, second, forwarded);
    for (const pod of [...completed.keys()].filter((one) => one >= replicas)) completed.delete(pod);
    for (const [pod, count] of completed) {
      const labels = { ...OF_CLUSTER, pod: `processor-${pod}` };
      add(METRIC.processorCompleted, { ...labels, outcome: 'result' }, second, count);
      add(METRIC.processorBusySeconds, labels, second, count / capacity);
    }
    add(METRIC.queueDepth, PROXY, second, Math.max(0, Math.round(backlog) - ready));
    add(METRIC.queueInFlight, PROXY, second, Math.min(ready, Math.round(backlog)));
    add(METRIC.queueOldestSeconds, PROXY, second, oldestSeconds);
  }
  return [...all.values()];
}

export const answerOf = (result: readonly SeriesOfAnswer[]) =>
  JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } });
