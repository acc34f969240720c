/**
 * Spans of OpenTelemetry, sent to a collector as OTLP over HTTP. Only this file imports the library, and only programs that trace load
 * it. Nothing waits for the collector: spans that do not fit into the queue are dropped, and so are those that it does not take.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { OpenSpan, SpanStart, StartSpan } from './spans.ts';
import { preciseNow } from './tracing.ts';

/** Spans that wait for the collector or are on their way to it: about 4 MB. */
const MOST_WAITING = 4096;
const BATCH = 512;
/** How long a span waits for others; ms. */
const DELAY = 1000;
/** How long the collector may take, retries included; ms. */
const TIMEOUT = 5000;
/** The same at the end of the program. */
const STOP_TIMEOUT = 900;

export interface OpenTelemetryOptions {
  /** Of the resource: `service.name` and the like. */
  readonly resource: Readonly<Record<string, string>>;
  /** Where traces are posted. */
  readonly url: string;
  /** Asked for each batch. May reject: then the batch is dropped. */
  readonly headers: () => Promise<Record<string, string>>;
  readonly onError: (error: Error) => void;
}

/** Spans by what became of them. */
export interface SpanCounts {
  exported: number;
  /** As too many waited; as the collector did not take them. */
  overflowed: number;
  failed: number;
}

export interface OpenTelemetry {
  readonly start: StartSpan;
  readonly counts: Readonly<SpanCounts>;
  /** Sends what waits, for at most a second. */
  readonly stop: () => Promise<void>;
}

const KINDS = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

export function openTelemetry(options: OpenTelemetryOptions): OpenTelemetry {
  const counts: SpanCounts = { exported: 0, overflowed: 0, failed: 0 };
  const processor = boundedProcessor(options, counts);
  const provider = new TracerProvider({
    resource: resourceFromAttributes(options.resource),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer('ocpp-cluster');
  return {
    counts,
    start({ name, kind, parent, attributes, at = preciseNow() }: SpanStart): OpenSpan {
      const context = parent === undefined ? ROOT_CONTEXT : remote(parent);
      const span = tracer.startSpan(name, { kind: KINDS[kind], attributes, startTime: timeOf(at) }, context);
      const { traceId, spanId } = span.spanContext();
      return {
        traceparent: `00-${traceId}-${spanId}-01`,
        set: (more) => void span.setAttributes(more),
        event: (word) => void span.addEvent(word, timeOf(preciseNow())),
        end(error, endedAt = preciseNow()) {
          if (error !== undefined) {
            span.setAttribute('error.type', error);
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          // A clock that was set back meanwhile.
          span.end(timeOf(Math.max(at, endedAt)));
        },
      };
    },
    async stop() {
      const late = new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT).unref());
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
    },
  };
}

/** Seconds and nanoseconds: the library takes a small number for the age of the process. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))];
}

function remote(traceparent: string) {
  const [, traceId = '', spanId = ''] = traceparent.split('-');
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}

/** The queue of the library, which does not count the batch that the collector has, behind a bound that does. */
function boundedProcessor(options: OpenTelemetryOptions, counts: SpanCounts): SpanProcessor {
  let waiting = 0;
  const done = (spans: number, error: Error | undefined) => {
    waiting -= spans;
    counts[error === undefined ? 'exported' : 'failed'] += spans;
    if (error !== undefined) options.onError(error);
  };
  const batches = new BatchSpanProcessor({
    exporter: reporting(otlpExporter(options), done),
    maxQueueSize: MOST_WAITING,
    maxExportBatchSize: BATCH,
    scheduledDelayMillis: DELAY,
    // Ours ends an export before.
    exportTimeoutMillis: 2 * TIMEOUT,
  });
  return {
    onStart: () => undefined,
    onEnd(span) {
      if (waiting >= MOST_WAITING) counts.overflowed += 1;
      else {
        waiting += 1;
        batches.onEnd(span);
      }
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };
}

const otlpExporter = ({ url, headers }: OpenTelemetryOptions): SpanExporter =>
  new OTLPTraceExporter({ url, headers, timeoutMillis: TIMEOUT, keepAlive: true });

/** @param done called once for each batch, in time even if the collector never finishes its answer */
function reporting(
  inner: SpanExporter,
  done: (spans: number, error: Error | undefined) => void,
): SpanExporter {
  return {
    export(spans, callback) {
      let isOpen = true;
      const settle: typeof callback = (result) => {
        if (!isOpen) return;
        isOpen = false;
        clearTimeout(timer);
        const { code }: { readonly code: number } = result;
        const failed = code === 0 ? undefined : (result.error ?? new Error('the collector refused it'));
        done(spans.length, failed);
        callback(result);
      };
      const late = () => settle({ code: 1, error: new Error(`no answer within ${TIMEOUT / 1000} s`) });
      const timer = setTimeout(late, TIMEOUT + DELAY).unref();
      inner.export(spans, settle);
    },
    shutdown: () => inner.shutdown(),
  };
}
