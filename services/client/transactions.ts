/** Transactions: the open ones from the register, the closed ones as their bills. */
import { key } from '../csms/state.ts';
import { BILLS } from '../csms/transactions/bill.ts';
import {
  type BillKind,
  decimalOf,
  isOpen,
  type StoredTransaction,
  type TransactionRecord,
} from '../csms/transactions/record.ts';
import { OPEN_TRANSACTIONS, openOfToken, readMember } from '../csms/transactions/register.ts';
import { correct, CorrectionError } from '../csms/transactions/correction.ts';
import { subtract, writeDecimal } from '../ocpp/decimal.ts';
import { TransportError } from '../transport/errors.ts';
import type { StoredEntry, StoredLists } from '../transport/stored-lists.ts';
import { type Member, openOfStation, type StateReader, type StateStore } from '../transport/stored-state.ts';
import type { Bill, BillCorrection, Listing, Transaction, TransactionFilter } from './cluster-client.ts';
import { badCursor, listingOf, readCursor, writeCursor } from './listing.ts';
import { known } from './stations.ts';
import { streamListing, timeOfId } from './streams.ts';

export interface TransactionSources {
  readonly lists: StoredLists;
  readonly state: Pick<StateReader, 'record'>;
}

export function openListing(
  { lists, state }: TransactionSources,
  { station, token }: TransactionFilter,
): Listing<Transaction> {
  // The smallest of the sorted sets that has all that is wanted.
  const set =
    station !== undefined
      ? openOfStation(station)
      : token !== undefined
        ? openOfToken(token)
        : OPEN_TRANSACTIONS;
  const recordOf = (member: string) => (set === OPEN_TRANSACTIONS ? readMember(member).key : member);
  return listingOf<Member, Transaction>({
    async read(after, limit) {
      const entries = await lists.membersAfter(
        set,
        after === undefined ? undefined : readMemberCursor(after),
        limit,
      );
      const last = entries.at(-1);
      return { entries, next: entries.length < limit || last === undefined ? undefined : memberCursor(last) };
    },
    cursorOf: memberCursor,
    async items(members) {
      const records = await Promise.all(members.map(({ member }) => state.record(recordOf(member))));
      return records.map((record: TransactionRecord | undefined) =>
        record !== undefined && isOpen(record) && isOfToken(record, token)
          ? transactionOf(record)
          : undefined,
      );
    },
  });
}

export function billListing({ lists }: TransactionSources, filter: TransactionFilter): Listing<Bill> {
  return streamListing(lists, {
    stream: BILLS,
    newestFirst: true,
    item: (entry) => {
      const { station, token } = filter;
      const isWanted = station === undefined || entry.fields['stationId'] === station;
      return isWanted && isOfToken(entry.fields, token) ? billOf(entry) : undefined;
    },
  });
}

/** Bills that are read at once, and at most, to find that of a mark. */
const AT_ONCE = 500;
const SEARCHED = 20_000;

/** An open transaction, or the bill of a closed one whose mark is kept. */
export async function findTransaction(
  sources: TransactionSources,
  stationId: string,
  transactionId: string,
): Promise<Transaction | Bill | undefined> {
  const found = await recordOf(sources, stationId, transactionId);
  if (found === undefined) return undefined;
  if (isOpen(found.record)) return transactionOf(found.record);
  const entry = await findBill(sources.lists, found.record);
  return entry && billOf(entry);
}

/** Rejects with `bad-entry` and `key-conflict`. */
export async function correctBill(
  sources: TransactionSources & { readonly state: Pick<StateStore, 'amend'> },
  { station, transaction, billId, ...correction }: BillCorrection,
): Promise<Bill> {
  const what = `the bill of transaction ${transaction} of station ${station}`;
  const refuse = (why: string) => new TransportError('bad-entry', `${what}: ${why}`);
  const found = await recordOf(sources, station, transaction);
  if (found === undefined) throw refuse('the transaction is not known (any more)');
  if (isOpen(found.record)) throw refuse('the transaction is open: it has no bill yet');
  const changed = () =>
    new TransportError(
      'key-conflict',
      `${what} is no longer ${billId}: read it again, and correct the one that counts`,
    );
  if (found.record.billId !== billId) throw changed();
  const entry = await findBill(sources.lists, found.record);
  if (entry === undefined) throw refuse('its entry has left the stream of bills');
  try {
    if (!(await sources.state.amend(correct(found.key, entry.fields, correction)))) throw changed();
  } catch (error) {
    throw error instanceof CorrectionError ? refuse(error.message) : error;
  }
  const corrected = await findTransaction(sources, station, transaction);
  if (corrected?.state !== 'closed') throw changed();
  return corrected;
}

/** The record of an open transaction, or its mark. */
async function recordOf(
  { state }: TransactionSources,
  stationId: string,
  transactionId: string,
): Promise<StoredTransaction | undefined> {
  for (const name of [key.stationTransaction(stationId, transactionId), key.transaction(transactionId)]) {
    const record: TransactionRecord | undefined = await state.record(name);
    if (record !== undefined) return record.stationId === stationId ? { key: name, record } : undefined;
  }
  return undefined;
}

/** The newest bills are looked at first: a mark lives for days, and most are looked up soon. */
async function findBill(lists: StoredLists, { billId }: TransactionRecord): Promise<StoredEntry | undefined> {
  let before: string | undefined;
  for (let searched = 0; searched < SEARCHED; searched += AT_ONCE) {
    const range = { limit: AT_ONCE, newestFirst: true, ...(before !== undefined && { before }) };
    const entries = await lists.entries(BILLS, range);
    const found = entries.find(({ fields }) => fields['billId'] === billId);
    if (found !== undefined) return found;
    before = entries.at(-1)?.id;
    if (entries.length < AT_ONCE) return undefined;
  }
  return undefined;
}

type Stored = Readonly<Partial<Record<string, string>>>;

/** What an open transaction and a bill have in common. */
function factsOf(stored: Stored) {
  const {
    stationId = '',
    transactionId = '',
    protocol,
    idTag,
    authorization,
    startedAt,
    meterStart,
  } = stored;
  const { connectorId, evseId, chargingState, remoteStartId, reservationId, notes } = stored;
  return {
    station: stationId,
    transaction: transactionId,
    ...known({
      protocol,
      connector: numberOf(connectorId),
      evse: numberOf(evseId),
      token: idTag,
      authorization,
      startedAt,
      meterStart,
      chargingState,
      remoteStartId: numberOf(remoteStartId),
      reservationId: numberOf(reservationId),
      notes: notes === undefined || notes === '' ? undefined : notes.split(' '),
    }),
  };
}

function transactionOf(record: TransactionRecord): Transaction {
  const { lastMeter, lastMeterAt, heardAt } = record;
  const heard = heardAt === undefined ? undefined : new Date(Number(heardAt)).toISOString();
  return {
    state: 'open',
    ...factsOf(record),
    ...known({ lastMeter, lastMeterAt, energy: energySoFar(record), heardAt: heard }),
  };
}

/** Sums of other phases cannot be compared, and a reading that could not be understood leaves it open. */
function energySoFar({
  meterStart,
  lastMeter,
  startPhases = '',
  lastPhases = '',
  meterTrouble,
}: TransactionRecord) {
  const [start, last] = [decimalOf(meterStart), decimalOf(lastMeter)];
  if (start === undefined || last === undefined || startPhases !== lastPhases || meterTrouble)
    return undefined;
  return writeDecimal(subtract(last, start));
}

export function billOf({ id, fields }: StoredEntry): Bill {
  const { billId = '', kind, supersedes, meterStop, stoppedAt, reason, energy, gaps } = fields;
  const { correctedBy, correctedBecause } = fields;
  return {
    state: 'closed',
    ...factsOf(fields),
    billId,
    kind: kind as BillKind,
    ...known({ supersedes, meterStop, energy, stoppedAt, reason, gaps, correctedBy, correctedBecause }),
    recordedAt: fields['recordedAt'] ?? timeOfId(id),
  };
}

function isOfToken({ idTag = '' }: Stored, token: string | undefined): boolean {
  return token === undefined || idTag.toUpperCase() === token.toUpperCase();
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
}

const memberCursor = ({ member, score }: Member): string => writeCursor(`${score} ${member}`);

/** @throws TransportError bad-cursor */
function readMemberCursor(cursor: string): Member {
  const [, score, member] = /^(\d+) (.+)$/s.exec(readCursor(cursor)) ?? [];
  if (member === undefined) throw badCursor(cursor);
  return { member, score: Number(score) };
}
