/** The metrics of a bill sink (docs/bill-sink.md). */
import { Counter, Gauge, type Registry } from 'prom-client';
import { METRIC } from '../contract.ts';
import { TABLES } from './tables.ts';

export interface SinkMetrics {
  readonly working: (is: boolean) => void;
  readonly moved: (stream: string, moved: { readonly stored: number; readonly repeated: number }) => void;
  readonly gap: (stream: string) => void;
  readonly rewound: (stream: string) => void;
  readonly trimmed: (stream: string, count: number) => void;
  /** @param at ms since 1970 */
  readonly caughtUp: (stream: string, at: number) => void;
  readonly failed: (part: 'redis' | 'postgres') => void;
}

export function createSinkMetrics(registry: Registry): SinkMetrics {
  const registers = [registry];
  const ofStream = (name: string, help: string) => {
    const counter = new Counter({ name, help, labelNames: ['stream'], registers });
    for (const { stream } of TABLES) counter.inc({ stream }, 0);
    return counter;
  };
  const working = new Gauge({
    name: METRIC.billSinkWorking,
    help: '1 while this sink moves entries; 0 while it waits for another one, or for PostgreSQL',
    registers,
  });
  const stored = ofStream('ocpp_bill_sink_stored_total', 'Entries that were stored in PostgreSQL');
  const repeated = ofStream('ocpp_bill_sink_repeated_total', 'Entries that PostgreSQL had already');
  const trimmed = ofStream(
    'ocpp_bill_sink_trimmed_total',
    'Entries that were removed from Redis after the move',
  );
  const gaps = ofStream(METRIC.billSinkGaps, 'Times that entries left Redis before they were moved');
  const rewound = ofStream(
    'ocpp_bill_sink_rewound_total',
    'Times that Redis had lost its newest entries, and all were read again',
  );
  const caughtUp = new Gauge({
    name: METRIC.billSinkCaughtUp,
    help: 'When all entries of the stream were last in PostgreSQL, seconds since 1970',
    labelNames: ['stream'],
    registers,
  });
  const failures = new Counter({
    name: 'ocpp_bill_sink_failures_total',
    help: 'Attempts that failed, as Redis or PostgreSQL was away or refused',
    labelNames: ['part'],
    registers,
  });
  for (const part of ['redis', 'postgres']) failures.inc({ part }, 0);
  return {
    working: (is) => working.set(is ? 1 : 0),
    moved(stream, moved) {
      stored.inc({ stream }, moved.stored);
      repeated.inc({ stream }, moved.repeated);
    },
    gap: (stream) => gaps.inc({ stream }),
    rewound: (stream) => rewound.inc({ stream }),
    trimmed: (stream, count) => trimmed.inc({ stream }, count),
    caughtUp: (stream, at) => caughtUp.set({ stream }, at / 1000),
    failed: (part) => failures.inc({ part }),
  };
}
