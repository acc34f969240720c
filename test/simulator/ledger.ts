/**
 * What the stations saw, counted; and what they know of their transactions, to be compared with what
 * the CSMS wrote down for billing.
 */
import type { Transaction } from './messages.ts';
import { Moves } from './moves.ts';

/** A wrong answer is a defect to be looked at: some are kept in words. */
const MAX_SAMPLES = 10;
/** Latencies are counted in buckets that grow by 2 %, from 0.01 ms. */
const BUCKET = Math.log(1.02);
const SMALLEST = 0.01;

export class Ledger {
  readonly transactions: Transaction[] = [];
  readonly samples: string[] = [];
  readonly moves = new Moves(performance.now());
  /** Handshakes completed, and refused with an HTTP status. */
  connects = 0;
  refusals = 0;
  /** Connections that the server ended with 1012, and stations that came back. */
  closes1012 = 0;
  reconnects = 0;
  /** CALLs answered; written again; without an answer in time; answered after that. */
  roundTrips = 0;
  resent = 0;
  timeouts = 0;
  late = 0;
  /** CALLs of the CSMS. */
  commands = 0;
  lost = 0;
  unsent = 0;
  duplicated = 0;
  wrong = 0;
  readonly #latencies: number[] = [];
  #longest = 0;

  answered(milliseconds: number): void {
    this.roundTrips++;
    const bucket = Math.max(0, Math.floor(Math.log(milliseconds / SMALLEST) / BUCKET));
    this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) + 1;
    this.#longest = Math.max(this.#longest, milliseconds);
  }

  /** Counts a defect and keeps the first few in words. */
  defect(kind: 'lost' | 'duplicated' | 'wrong', station: string, what: string): void {
    this[kind]++;
    if (this.samples.length < MAX_SAMPLES) this.samples.push(`${kind}: ${station}: ${what}`);
  }

  /** Upper end of the bucket that holds this share of the answers, in ms. */
  percentile(share: number): number {
    let left = this.roundTrips * share;
    for (const [bucket, count = 0] of this.#latencies.entries()) {
      left -= count;
      if (left <= 0) return Math.min(this.#longest, SMALLEST * Math.exp((bucket + 1) * BUCKET));
    }
    return this.#longest;
  }

  get longest(): number {
    return this.#longest;
  }
}

/** How the stream of closed transactions differs from the stations' ledgers. */
export interface StreamCheck {
  /** Transactions whose end was answered. */
  readonly expected: number;
  /** Of these, the ones that are not in the stream. */
  readonly missing: number;
  /** Entries beyond the first for the same charging session. */
  readonly doubled: number;
  /** Entries whose meters, token or start are not what the station sent. */
  readonly differing: number;
}

/** @param entries the stream `<prefix>:transactions`, each entry as its fields */
export function compareStream(
  transactions: readonly Transaction[],
  entries: readonly Readonly<Record<string, string>>[],
): StreamCheck {
  const closed = transactions.filter(({ stopped }) => stopped);
  const byId = new Map<string, Readonly<Record<string, string>>[]>();
  const starts = new Map<string, number>();
  for (const entry of entries) {
    const id = `${entry['stationId']} ${entry['transactionId']}`;
    const same = byId.get(id);
    if (same === undefined) byId.set(id, [entry]);
    else same.push(entry);
    // A start that was executed twice has two ids, but there was one car.
    const start = `${entry['stationId']} ${entry['startedAt']}`;
    starts.set(start, (starts.get(start) ?? 0) + 1);
  }
  let [missing, doubled, differing] = [0, 0, 0];
  for (const transaction of closed) {
    const [entry] = byId.get(`${transaction.station} ${transaction.id}`) ?? [];
    if (entry === undefined) missing++;
    else if (!agrees(transaction, entry)) differing++;
    const times = starts.get(`${transaction.station} ${transaction.startedAt}`) ?? 0;
    doubled += Math.max(0, times - 1);
  }
  return { expected: closed.length, missing, doubled, differing };
}

function agrees(transaction: Transaction, entry: Readonly<Record<string, string>>): boolean {
  return (
    entry['idTag'] === transaction.idTag &&
    Number(entry['meterStart']) === transaction.meterStart &&
    Number(entry['meterStop']) === transaction.meter &&
    Date.parse(entry['startedAt'] ?? '') === Date.parse(transaction.startedAt) &&
    Date.parse(entry['stoppedAt'] ?? '') === Date.parse(transaction.stoppedAt ?? '')
  );
}
