/**
 * Finds transactions that were opened and never closed. A station that is offline, or lost its transaction in a reboot,
 * sends no stop. Such a transaction is reported after a long silence, and closed as abandoned with its last register
 * after a longer one.
 *
 * Every processor sweeps once a minute. A sweep has no delivery as a fence, so each change applies only while the record
 * is as it was read: two processors, or a concurrent stop, change nothing twice.
 */
import type { Clock } from '../../runtime/clock.ts';
import { TransportError } from '../../transport/errors.ts';
import type { Member } from '../../transport/stored-state.ts';
import type { Transport } from '../../transport/transport.ts';
import { boundedFor } from './bill-sink.ts';
import { abandon } from './closing.ts';
import { isOpen, rememberIfThere, type TransactionRecord } from './record.ts';
import { OPEN_TRANSACTIONS, readMember, unregister } from './register.ts';
import { report } from './reports.ts';

export interface TransactionPolicy {
  /** Silence after which an open transaction is reported; ms. */
  readonly reportAfterMs: number;
  /** Silence after which it is closed as abandoned; ms, 0: never. */
  readonly abandonAfterMs: number;
}

export interface SweeperOptions {
  readonly transport: Pick<Transport, 'state' | 'isClientConnected'>;
  readonly policy: TransactionPolicy;
  /** How long the marks of closed transactions are kept; s. */
  readonly transactionKeySeconds: number;
  /** A bill sink trims the streams of bills and reports; false by default. */
  readonly billSink?: boolean;
  readonly clock: Clock;
  readonly onError?: (error: unknown) => void;
}

export interface SweepResult {
  /** Open transactions in the whole cluster. */
  readonly open: number;
  /** Those without a message for longer than `reportAfterMs`. */
  readonly silent: number;
  /** Closed by this sweep. */
  readonly abandoned: number;
}

/** Transactions per read. */
const PAGE = 200;

/** Checks all transactions that are older than the shorter limit. Rejects as the store does. */
export async function sweep(options: SweeperOptions): Promise<SweepResult> {
  const { transport, policy, clock } = options;
  const { reportAfterMs, abandonAfterMs } = policy;
  const shortest = abandonAfterMs > 0 ? Math.min(reportAfterMs, abandonAfterMs) : reportAfterMs;
  const oldest = clock.now() - shortest;
  let [silent, abandoned, left] = [0, 0, 0];
  for (;;) {
    const page = await transport.state.members(OPEN_TRANSACTIONS, oldest, PAGE, left);
    for (const found of await Promise.all(page.map((one) => checkMember(one, options)))) {
      if (found === 'silent') silent++;
      if (found === 'abandoned') abandoned++;
      else if (found !== 'gone') left++;
    }
    if (page.length < PAGE) break;
  }
  return { open: await transport.state.size(OPEN_TRANSACTIONS), silent, abandoned };
}

/** A faulty member must not prevent the check of the others. */
async function checkMember({ member, score }: Member, options: SweeperOptions): ReturnType<typeof check> {
  try {
    return await check(member, score, options);
  } catch (error) {
    if (error instanceof TransportError && error.retryable) throw error;
    options.onError?.(new Error(`the open transaction ${member} cannot be checked`, { cause: error }));
    return 'live';
  }
}

async function check(
  member: string,
  openedAt: number,
  options: SweeperOptions,
): Promise<'live' | 'silent' | 'abandoned' | 'gone'> {
  const { transport, policy, clock } = options;
  const entry = readMember(member);
  const record: TransactionRecord | undefined = await transport.state.record(entry.key);
  if (record === undefined || !isOpen(record)) return forgetLost(entry, record, transport);
  const silence = clock.now() - Number(record.heardAt ?? openedAt);
  if (policy.abandonAfterMs > 0 && silence >= policy.abandonAfterMs) {
    return (await abandonSilent(entry.key, record, options)) ? 'abandoned' : 'live';
  }
  if (silence < policy.reportAfterMs) return 'live';
  await reportSilent(entry.key, record, silence, options);
  return 'silent';
}

/** Redis lost the record, or it was changed by hand: removes it from the register. */
async function forgetLost(
  { key, stationId }: { readonly key: string; readonly stationId: string },
  record: TransactionRecord | undefined,
  transport: SweeperOptions['transport'],
): Promise<'gone'> {
  const expected = { key, field: 'closed', value: record?.closed };
  await transport.state.amend({
    expected,
    writes: unregister({ key, stationId, token: record?.idTag }),
    events: [],
  });
  return 'gone';
}

async function abandonSilent(
  key: string,
  record: TransactionRecord,
  { transport, transactionKeySeconds, clock, billSink = false }: SweeperOptions,
): Promise<boolean> {
  const connected = await transport.isClientConnected(record.stationId ?? '');
  const reason = connected ? 'silent' : 'station-gone';
  const effects = abandon({ key, record }, reason, clock.now(), transactionKeySeconds);
  const writes = boundedFor(billSink, effects.writes);
  return transport.state.amend({ expected: asRead(key, record), writes, events: effects.events });
}

/** Reports each silence once. */
async function reportSilent(
  key: string,
  record: TransactionRecord,
  silenceMs: number,
  { transport, billSink = false }: SweeperOptions,
): Promise<void> {
  const { stationId = '', transactionId, heardAt = '', startedAt, connectorId, evseId } = record;
  if (record.silenceReported === heardAt) return;
  const silentSeconds = Math.round(silenceMs / 1000);
  const facts = { transactionId, startedAt, silentSeconds, connector: connectorId, evse: evseId };
  const { writes, events } = report('transaction-silent', stationId, facts);
  await transport.state.amend({
    expected: { key, field: 'silenceReported', value: record.silenceReported },
    writes: [rememberIfThere(key, { silenceReported: heardAt }), ...boundedFor(billSink, writes)],
    events,
  });
}

/** The next message of the transaction updates `heardAt`, and a closing mark has none. */
function asRead(key: string, { heardAt }: TransactionRecord) {
  return { key, field: 'heardAt', value: heardAt };
}

const EVERY_MS = 60_000;

/** Sweeps once a minute until disposed; the first sweep starts within a minute. Errors are passed to `onError`. */
export function startSweeper(
  options: SweeperOptions,
  onSwept: (result: SweepResult) => void,
  onError: (error: unknown) => void,
): Disposable {
  let sweeping = false;
  const run = async () => {
    if (sweeping) return;
    sweeping = true;
    try {
      onSwept(await sweep({ ...options, onError }));
    } catch (error) {
      onError(error);
    } finally {
      sweeping = false;
    }
  };
  // Spreads the sweeps of processors that start together.
  const first = setTimeout(() => void run(), Math.random() * EVERY_MS).unref();
  const timer = setInterval(() => void run(), EVERY_MS).unref();
  return {
    [Symbol.dispose]() {
      clearTimeout(first);
      clearInterval(timer);
    },
  };
}
