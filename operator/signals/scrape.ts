/** Reads the metrics of Pods over HTTP. Bounded in time, size and number; a Pod that fails is left out. */
import { get } from 'node:http';
import { METRIC } from '../../services/contract.ts';
import { readMetrics } from './prometheus-text.ts';

export interface ScrapeTarget {
  /** Identity of the Pod. */
  readonly pod: string;
  readonly component: 'ws-proxy' | 'processor';
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export interface Sample {
  readonly pod: string;
  readonly component: 'ws-proxy' | 'processor';
  /** When it was read, ms since 1970 by our clock. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

export type Scrape = (targets: readonly ScrapeTarget[]) => Promise<readonly Sample[]>;

const NAMES: ReadonlySet<string> = new Set(Object.values(METRIC));
/** Longer than exporters wait for a Redis that does not answer: what else they know shall still come. */
const TIMEOUT_MS = 4000;
const MAX_BYTES = 1024 * 1024;
const CONCURRENCY = 20;

/** @param onFailure told about each Pod that could not be read */
export function createScraper(
  now: () => number,
  onFailure: (target: ScrapeTarget, error: Error) => void,
): Scrape {
  const one = async (target: ScrapeTarget): Promise<Sample[]> => {
    try {
      const values = readMetrics(await fetchText(target), NAMES);
      return [{ pod: target.pod, component: target.component, at: now(), values }];
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

function fetchText({ host, port, path }: ScrapeTarget): Promise<string> {
  return new Promise((resolve, reject) => {
    // The signal bounds the whole exchange; `timeout` would only bound silence.
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const request = get({ host, port, path, agent: false, signal }, (response) => {
      if (response.statusCode !== 200) {
        request.destroy(new Error(`answered HTTP ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) request.destroy(new Error(`answered more than ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.once('error', reject);
    });
    request.once('error', (error) => {
      reject(signal.aborted ? new Error(`no answer within ${TIMEOUT_MS} ms`) : error);
    });
  });
}
