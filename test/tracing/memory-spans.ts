/** Spans that a test can read, instead of those of the library. */
import type { OpenSpan, SpanStart, StartSpan } from '../../services/runtime/tracing/spans.ts';

export interface RecordedSpan extends SpanStart {
  readonly id: string;
  attributes: SpanStart['attributes'];
  readonly events: string[];
  ended: number;
  error: string | undefined;
  endedAt: number | undefined;
}

const TRACE = 'a'.repeat(32);

export function memorySpans(): { readonly spans: readonly RecordedSpan[]; readonly start: StartSpan } {
  const spans: RecordedSpan[] = [];
  const start = (begun: SpanStart): OpenSpan => {
    const id = (spans.length + 1).toString(16).padStart(16, '0');
    const span: RecordedSpan = { ...begun, id, events: [], ended: 0, error: undefined, endedAt: undefined };
    spans.push(span);
    return {
      traceparent: `00-${TRACE}-${id}-01`,
      set: (more) => void (span.attributes = { ...span.attributes, ...more }),
      event: (name) => void span.events.push(name),
      end(error, at) {
        span.ended += 1;
        span.error = error;
        span.endedAt = at;
      },
    };
  };
  return { spans, start };
}
