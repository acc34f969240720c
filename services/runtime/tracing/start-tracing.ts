/** Tracing of a program: its settings, and how it begins. Off by default: nothing of OpenTelemetry is loaded then. */
import { Counter, type Registry } from 'prom-client';
import { DEFAULT, ENV, METRIC } from '../../contract.ts';
import { systemClock } from '../clock.ts';
import { ConfigError, fraction, type SettingsOf } from '../config.ts';
import { FileText } from '../file-text.ts';
import type { Log } from '../log.ts';
import { QuietLog } from '../quiet-log.ts';
import { type CallTracing, type DeliveryTracing } from './tracing.ts';
import { createCallTracing } from './call-tracing.ts';
import { createDeliveryTracing } from './delivery-tracing.ts';
import type { OpenTelemetry, SpanCounts } from './open-telemetry.ts';

/** Of a program that continues traces. */
export const tracingSettings = {
  traceEndpoint: {
    doc: 'URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://collector:4318; traces are posted to /v1/traces below it. Empty: no message is traced.',
    format: String,
    default: '',
    env: ENV.traceEndpoint,
  },
  traceHeadersFile: {
    doc: 'File with headers for the collector, one a line as in Authorization: Bearer …; it is read again when it changes. Empty: none.',
    format: String,
    default: '',
    env: ENV.traceHeadersFile,
  },
} as const;

/** Of a program that begins traces. */
export const samplingSettings = {
  ...tracingSettings,
  traceShare: {
    doc: 'Share of the CALLs of stations that are traced, from 0 to 1, where there is a collector.',
    format: fraction,
    default: DEFAULT.traceShare,
    env: ENV.traceShare,
    live: true,
  },
} as const;

export interface TracedProgram {
  /** `ws-proxy` or `processor`. */
  readonly program: string;
  readonly config: SettingsOf<typeof tracingSettings> & {
    readonly podName: string;
    readonly channelPrefix: string;
    readonly clusterId: string;
  };
  readonly log: Log;
}

export class Tracing {
  readonly #library: OpenTelemetry;
  readonly #queue: string;

  constructor(library: OpenTelemetry, queue: string) {
    this.#library = library;
    this.#queue = queue;
  }

  /** @param share of the CALLs; read for each */
  calls(share: () => number): CallTracing {
    return createCallTracing({ start: this.#library.start, queue: this.#queue, share });
  }

  deliveries(): DeliveryTracing {
    return createDeliveryTracing(this.#library.start, this.#queue);
  }

  /** Exports what became of the spans. */
  register(registry: Registry): void {
    createSpanCounter(registry, this.#library.counts);
  }

  /** Sends what waits, for at most a second. */
  stop(): Promise<void> {
    return this.#library.stop();
  }
}

/** @param counts read at each scrape */
export function createSpanCounter(registry: Registry, counts: Readonly<SpanCounts>): void {
  void new Counter({
    name: METRIC.traceSpans,
    help: 'Spans of traces by result: exported, overflowed (too many waited), failed (the collector did not take them)',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [result, spans] of Object.entries(counts)) this.inc({ result }, spans);
    },
  });
}

/** @returns undefined where tracing is off. Rejects with ConfigError for an endpoint that is no URL */
export async function startTracing({ program, config, log }: TracedProgram): Promise<Tracing | undefined> {
  const { traceEndpoint, traceHeadersFile, podName, channelPrefix, clusterId } = config;
  if (traceEndpoint === '') return undefined;
  const url = tracesUrl(traceEndpoint);
  const quiet = new QuietLog(log, systemClock);
  const [namespace, name] = clusterId.split('/');
  const { openTelemetry } = await import('./open-telemetry.ts');
  const library = openTelemetry({
    resource: {
      'service.name': program,
      'service.instance.id': podName,
      ...(name !== undefined && { 'service.namespace': `${namespace}/${name}` }),
    },
    url,
    headers: headersOf(traceHeadersFile),
    onError: ({ message }) =>
      quiet.warn('spans', { error: message, url }, 'spans of traces could not be sent, and are dropped'),
  });
  return new Tracing(library, `${channelPrefix}:requests`);
}

/** @throws ConfigError */
function tracesUrl(endpoint: string): string {
  const base = URL.parse(endpoint);
  if (base === null || !/^https?:$/.test(base.protocol) || base.username !== '')
    throw new ConfigError(
      `${ENV.traceEndpoint} must be the URL of a collector, such as http://collector:4318 (it is ${JSON.stringify(endpoint)})`,
    );
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/v1/traces`;
  return base.href;
}

function headersOf(file: string): () => Promise<Record<string, string>> {
  if (file === '') return () => Promise.resolve({});
  const text = new FileText(file);
  return async () => readHeaders(await text.read());
}

/** @throws Error for a line that is no header; it does not repeat the line, which may have a token */
export function readHeaders(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line, i) => {
      const [, name, value] = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === undefined || value === undefined || value === '')
        throw new Error(`line ${i + 1} of the headers for the collector is no header, as in Name: value`);
      return [name, value];
    }),
  );
}
