/** What a sink reports: log lines, metrics, and the text of its readiness. */
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import type { SinkMetrics } from './metrics.ts';
import type { SinkObserver } from './sink.ts';
import type { Finding } from './stream-reader.ts';

export interface ReportingObserver extends SinkObserver {
  /** What is away, as a sentence; undefined: nothing. */
  problem(): string | undefined;
}

export function createObserver(log: Log, metrics: SinkMetrics, clock: Clock): ReportingObserver {
  const quiet = new QuietLog(log, clock);
  let phase: string | undefined;
  let postgres: string | undefined = 'PostgreSQL: not connected yet';
  /** By stream. */
  const redis = new Map<string, string>();
  return {
    phase(now) {
      metrics.working(now === 'working');
      if (now === phase) return;
      phase = now;
      if (now === 'standby') log.info({}, 'another bill-sink of this cluster works: waiting for its end');
      if (now === 'working') log.info({}, 'moving entries to PostgreSQL');
    },
    migrated: (from, to) => log.info({ from, to }, 'the schema was brought up to date'),
    postgres(problem) {
      postgres = problem && `PostgreSQL: ${problem.message}`;
      if (problem === undefined) return;
      metrics.failed('postgres');
      quiet.warn('postgres', fieldsOf(problem), 'PostgreSQL is away or refuses: entries wait in Redis');
    },
    redis(stream, problem) {
      redis.delete(stream);
      if (problem === undefined) return;
      redis.set(stream, problem.message);
      metrics.failed('redis');
      quiet.warn('redis', errorFields(problem), 'Redis is away or refuses');
    },
    found(stream, finding, facts) {
      logFinding(log, finding, { stream, ...facts });
      if (finding === 'gap') metrics.gap(stream);
      if (finding === 'rewound') metrics.rewound(stream);
    },
    moved: metrics.moved,
    trimmed: metrics.trimmed,
    caughtUp: (stream) => metrics.caughtUp(stream, clock.now()),
    problem() {
      const problems = [postgres, ...new Set(redis.values())].filter((text) => text !== undefined);
      return problems.length === 0 ? undefined : problems.join('; ');
    },
  };
}

/** What PostgreSQL and its login say needs no stack: it is a plain Error. Another kind is a mistake in this program. */
function fieldsOf(problem: Error): object {
  const { name, message } = problem;
  if (name !== 'Error') return errorFields(problem);
  return { error: message, ...('code' in problem && problem.code !== '' && { code: problem.code }) };
}

function logFinding(log: Log, finding: Finding, facts: object): void {
  switch (finding) {
    case 'gap':
      return log.error(
        facts,
        'entries left Redis before they were moved: they are lost for PostgreSQL. Set OCPP_BILL_SINK of the processors, so that only the sink trims the stream',
      );
    case 'rewound':
      return log.warn(
        facts,
        'Redis has lost its newest entries: the stream is read again from its beginning. What PostgreSQL has already is skipped',
      );
    case 'begun-late':
      return log.warn(
        facts,
        'Redis dropped entries of this stream before the sink first read it: PostgreSQL has those from here on',
      );
  }
}
