/**
 * The admin ports of a cluster's ws-proxy Pods: reads their reports and gives orders. Time and size of each request and the
 * number of requests at once are bounded; a Pod that does not answer is left out.
 */
import { request } from 'node:http';
import {
  type DrainOrder,
  type DrainReport,
  PATH,
  type RolloutReport,
  type SelfTestReport,
} from '../../services/contract.ts';
import { type DrainOrders, isNews } from './orders.ts';
import { NO_REPORTS, type PodReports } from './pod-reports.ts';
import type { Unsupported } from './proxy-set.ts';

export interface AdminTarget {
  /** Uid of the Pod. */
  readonly pod: string;
  readonly host: string;
  readonly port: number;
}

/** Resolves to the status and the body; rejects when there is no answer. */
export type AdminRequest = (
  target: AdminTarget,
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  options: { readonly token: string; readonly body?: object; readonly timeoutMs: number },
) => Promise<{ readonly status: number; readonly body: string }>;

export interface ProxyAdminOptions {
  readonly send: AdminRequest;
  readonly onFailure: (pod: string, error: Error) => void;
}

const TIMEOUT_MS = 3000;
/** A self-test waits for an answer through Redis. */
const SELF_TEST_MS = 20_000;
const CONCURRENCY = 20;

export class ProxyAdmin {
  readonly #options: ProxyAdminOptions;
  #last: PodReports = NO_REPORTS;
  #testing: Promise<void> | undefined;
  /** Pods that were last seen accepting, or that take no orders. */
  #accepting: ReadonlySet<string> = new Set();

  constructor(options: ProxyAdminOptions) {
    this.#options = options;
  }

  /** @param rollout whose counts are read, and when a station counts as missing */
  async read(
    token: string,
    targets: readonly AdminTarget[],
    rollout?: { readonly id: string; readonly missingAfterSeconds: number },
  ): Promise<PodReports> {
    const reports = new Map<string, DrainReport | Unsupported>();
    await each(targets, async (target) => {
      const report = await this.#ask<DrainReport>(target, 'GET', PATH.drain, token);
      if (report !== undefined) reports.set(target.pod, report);
    });
    const pods = new Set(targets.map(({ pod }) => pod));
    const selfTests = new Map([...this.#last.selfTests].filter(([pod]) => pods.has(pod)));
    const able = targets.filter(({ pod }) => typeof reports.get(pod) === 'object');
    const counts = rollout === undefined ? undefined : await this.#counts(token, able, rollout);
    this.#last = { reports, selfTests, counts };
    const accepts = (report: DrainReport | Unsupported) =>
      report === 'unsupported' || report.mode === 'accepting';
    this.#accepting = new Set([...reports].filter(([, report]) => accepts(report)).map(([pod]) => pod));
    return this.#last;
  }

  /** Whether each of these Pods is known to accept stations: an order that one missed would have no end. */
  allAccept(targets: readonly AdminTarget[]): boolean {
    return targets.every(({ pod }) => this.#accepting.has(pod));
  }

  /** Gives the orders that are news, and begins the self-tests; those end later. */
  async execute(
    token: string,
    targets: readonly AdminTarget[],
    orders: DrainOrders,
    selfTests: readonly string[],
  ): Promise<void> {
    await each(targets, async (target) => {
      const order: DrainOrder | undefined = orders.get(target.pod);
      const report = this.#last.reports.get(target.pod);
      if (order === undefined || typeof report !== 'object' || !isNews(order, report)) return;
      await this.#ask(target, 'PUT', PATH.drain, token, { body: order });
    });
    const due = targets.filter(({ pod }) => selfTests.includes(pod));
    if (due.length === 0 || this.#testing !== undefined) return;
    this.#testing = this.#test(token, due).finally(() => {
      this.#testing = undefined;
    });
  }

  async #test(token: string, targets: readonly AdminTarget[]): Promise<void> {
    await each(targets, async (target) => {
      const result = await this.#ask<SelfTestReport>(target, 'POST', PATH.selfTest, token, {
        timeoutMs: SELF_TEST_MS,
      });
      if (result === undefined) return;
      this.#last = { ...this.#last, selfTests: new Map(this.#last.selfTests).set(target.pod, result) };
    });
  }

  /** Every Pod counts alike, so the first one that answers will do. */
  async #counts(
    token: string,
    targets: readonly AdminTarget[],
    { id, missingAfterSeconds }: { readonly id: string; readonly missingAfterSeconds: number },
  ): Promise<RolloutReport | undefined> {
    const path = `${PATH.rollout}?id=${encodeURIComponent(id)}&missingAfterSeconds=${missingAfterSeconds}`;
    for (const target of targets.slice(0, 3)) {
      const report = await this.#ask<RolloutReport>(target, 'GET', path, token);
      if (typeof report === 'object') return report;
    }
    return undefined;
  }

  async #ask<T>(
    target: AdminTarget,
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    token: string,
    { body, timeoutMs = TIMEOUT_MS }: { readonly body?: object; readonly timeoutMs?: number } = {},
  ): Promise<T | Unsupported | undefined> {
    try {
      const options = { token, timeoutMs, ...(body !== undefined && { body }) };
      const answer = await this.#options.send(target, method, path, options);
      // 401: its token was made with another key.
      if (answer.status === 404 || answer.status === 401) return 'unsupported';
      // A self-test that fails answers 503 with its report.
      if (answer.status !== 200 && !(answer.status === 503 && path === PATH.selfTest)) {
        throw new Error(
          `${method} ${path} was answered with HTTP ${answer.status}: ${answer.body.slice(0, 200)}`,
        );
      }
      return JSON.parse(answer.body) as T;
    } catch (error) {
      this.#options.onFailure(target.pod, error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }
}

async function each<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await action(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, work));
}

const MAX_BYTES = 64 * 1024;

export const sendOverHttp: AdminRequest = ({ host, port }, method, path, { token, body, timeoutMs }) =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = request({ host, port, path, method, headers, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) sent.destroy(new Error(`response exceeds ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.once('error', reject);
    });
    sent.once('error', (error) =>
      reject(signal.aborted ? new Error(`no response within ${timeoutMs} ms`) : error),
    );
    sent.end(text);
  });
