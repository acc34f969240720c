/**
 * Finds transactions that were opened and never closed. A station that is gone, or forgot its transaction in a reboot,
 * sends no stop; such a transaction is reported when nothing was heard of it for long, and closed as abandoned with its
 * last register when nothing was heard for longer.
 *
 * Every processor sweeps once a minute. No delivery stands behind a sweep, so each of its changes applies only while the
 * record is as it was read: two processors, or a stop that comes meanwhile, do nothing twice.
 */
import type { Clock } from '../../runtime/clock.ts';
import { TransportError } from '../../transport/errors.ts';
import type { Member } from '../../transport/stored-state.ts';
import type { Transport } from '../../transport/transport.ts';
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
  readonly clock: Clock;
  readonly onError?: (error: unknown) => void;
}

export interface SweepResult {
  /** Transactions that are open in the whole cluster. */
  readonly open: number;
  /** Of those, the ones without a message for longer than `reportAfterMs`. */
  readonly silent: number;
  /** Closed by this sweep. */
  readonly abandoned: number;
}

/** Read at once. */
const PAGE = 200;

/** Looks at all transactions that are older than the shorter of both silences. Rejects as the store does. */
export async function sweep(options: SweeperOptions): Promise<SweepResult> {
  const { transport, policy, clock } = options;
  const { reportAfterMs, abandonAfterMs } = policy;
  const shortest = abandonAfterMs > 0 ? Math.min(reportAfterMs, abandonAfterMs) : reportAfterMs;
  const oldest = clock.now() - shortest;
  let [silent, abandoned, left] = [0, 0, 0];
  for (;;) {
    const page = await transport.state.members(OPEN_TRANSACTIONS, oldest, PAGE, left);
    for (const found of await Promise.all(page.map((one) => lookAt(one, options)))) {
      if (found === 'silent') silent++;
      if (found === 'abandoned') abandoned++;
      else if (found !== 'gone') left++;
    }
    if (page.length < PAGE) break;
  }
  return { open: await transport.state.size(OPEN_TRANSACTIONS), silent, abandoned };
}

/** A member that cannot be handled keeps no other from being looked at. */
async function lookAt({ member, score }: Member, options: SweeperOptions): ReturnType<typeof look> {
  try {
    return await look(member, score, options);
  } catch (error) {
    if (error instanceof TransportError && error.retryable) throw error;
    options.onError?.(new Error(`the open transaction ${member} cannot be looked at`, { cause: error }));
    return 'live';
  }
}

async function look(
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

/** Redis lost the record, or it was changed by hand: the register must not name it for ever. */
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
  { transport, transactionKeySeconds, clock }: SweeperOptions,
): Promise<boolean> {
  const connected = await transport.isClientConnected(record.stationId ?? '');
  const reason = connected ? 'silent' : 'station-gone';
  const effects = abandon({ key, record }, reason, clock.now(), transactionKeySeconds);
  return transport.state.amend({ expected: asRead(key, record), ...effects });
}

/** Once for each silence. */
async function reportSilent(
  key: string,
  record: TransactionRecord,
  silenceMs: number,
  { transport }: SweeperOptions,
): Promise<void> {
  const { stationId = '', transactionId, heardAt = '', startedAt, connectorId, evseId } = record;
  if (record.silenceReported === heardAt) return;
  const silentSeconds = Math.round(silenceMs / 1000);
  const facts = { transactionId, startedAt, silentSeconds, connector: connectorId, evse: evseId };
  const { writes, events } = report('transaction-silent', stationId, facts);
  await transport.state.amend({
    expected: { key, field: 'silenceReported', value: record.silenceReported },
    writes: [rememberIfThere(key, { silenceReported: heardAt }), ...writes],
    events,
  });
}

/** After such a silence the next message of the transaction notes that it was heard; a stop leaves a mark without it. */
function asRead(key: string, { heardAt }: TransactionRecord) {
  return { key, field: 'heardAt', value: heardAt };
}

const EVERY_MS = 60_000;

/** Sweeps once a minute, the first time within it, until it is disposed of. Errors go to `onError`, and the next sweep follows. */
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
  // Processors that start together do not all look at the same moment.
  const first = setTimeout(() => void run(), Math.random() * EVERY_MS).unref();
  const timer = setInterval(() => void run(), EVERY_MS).unref();
  return {
    [Symbol.dispose]() {
      clearTimeout(first);
      clearInterval(timer);
    },
  };
}
