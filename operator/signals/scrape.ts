/** Reads the metrics of Pods over HTTP. Time, size and concurrency are bounded; failed Pods are omitted. */
import { get } from 'node:http';
import { METRIC } from '../../services/contract.ts';
import { readMetrics, readSeries, type Series } from './prometheus-text.ts';

export interface ScrapeTarget {
  /** Uid of the Pod. */
  readonly pod: string;
  readonly component: 'ws-proxy' | 'processor';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Bearer token, for Pods that protect their metrics. */
  readonly token?: string;
}

export interface Sample {
  readonly pod: string;
  readonly component: 'ws-proxy' | 'processor';
  /** Time of the reading, ms since 1970 by the clock of the operator. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
  /** Of metrics whose labels matter; of ws-proxies only. */
  readonly series?: Readonly<Record<string, readonly Series[]>>;
}

export type Scrape = (targets: readonly ScrapeTarget[]) => Promise<readonly Sample[]>;

/** Metrics whose labels matter: their sum would say nothing. */
const LABELLED: ReadonlySet<string> = new Set([
  METRIC.certificateExpiry,
  METRIC.tlsRefusal,
  METRIC.stationCertificatesExpiring,
]);
const NAMES: ReadonlySet<string> = new Set(Object.values(METRIC).filter((name) => !LABELLED.has(name)));
/** Longer than exporters wait for an unresponsive Redis, so that their other metrics still arrive. */
const TIMEOUT_MS = 4000;
const MAX_BYTES = 1024 * 1024;
const CONCURRENCY = 20;

/** @param onFailure called for each Pod that could not be read */
export function createScraper(
  now: () => number,
  onFailure: (target: ScrapeTarget, error: Error) => void,
): Scrape {
  const one = async (target: ScrapeTarget): Promise<Sample[]> => {
    try {
      const { pod, component } = target;
      const text = await fetchText(target);
      const sample = { pod, component, at: now(), values: readMetrics(text, NAMES) };
      return [component === 'ws-proxy' ? { ...sample, series: readSeries(text, LABELLED) } : sample];
    } catch (error) {
      onFailure(target, error instanceof Error ? error : new Error(String(error)));
      return [];
    }
  };
  return async (targets) => {
    const samples: Sample[] = [];
    const waiting = [...targets];
    const work = async () => {
      for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
        samples.push(...(await one(target)));
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, targets.length) }, work));
    return samples;
  };
}

function fetchText({ host, port, path, token }: ScrapeTarget): Promise<string> {
  return new Promise((resolve, reject) => {
    // The signal limits the whole request; `timeout` would limit idle time only.
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = get({ host, port, path, headers, agent: false, signal }, (response) => {
      if (response.statusCode !== 200) {
        request.destroy(new Error(`responded with HTTP ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) request.destroy(new Error(`response exceeds ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.once('error', reject);
    });
    request.once('error', (error) => {
      reject(signal.aborted ? new Error(`no response within ${TIMEOUT_MS} ms`) : error);
    });
  });
}
