/** Transactions: the open ones from the register, the closed ones as their bills. */
import { key } from '../csms/state.ts';
import { BILLS } from '../csms/transactions/bill.ts';
import { type BillKind, decimalOf, isOpen, type TransactionRecord } from '../csms/transactions/record.ts';
import { OPEN_TRANSACTIONS, openOfToken, readMember } from '../csms/transactions/register.ts';
import { subtract, writeDecimal } from '../ocpp/decimal.ts';
import type { StoredEntry, StoredLists } from '../transport/stored-lists.ts';
import { type Member, openOfStation, type StateReader } from '../transport/stored-state.ts';
import type { Bill, Listing, Transaction, TransactionFilter } from './cluster-client.ts';
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
  { lists, state }: TransactionSources,
  stationId: string,
  transactionId: string,
): Promise<Transaction | Bill | undefined> {
  const ofStation: TransactionRecord | undefined = await state.record(
    key.stationTransaction(stationId, transactionId),
  );
  const record = ofStation ?? (await state.record(key.transaction(transactionId)));
  if (record === undefined || record.stationId !== stationId) return undefined;
  if (isOpen(record)) return transactionOf(record);
  return findBill(lists, record);
}

/** The newest bills are looked at first: a mark lives for days, and most are looked up soon. */
async function findBill(lists: StoredLists, { billId }: TransactionRecord): Promise<Bill | undefined> {
  let before: string | undefined;
  for (let searched = 0; searched < SEARCHED; searched += AT_ONCE) {
    const range = { limit: AT_ONCE, newestFirst: true, ...(before !== undefined && { before }) };
    const entries = await lists.entries(BILLS, range);
    const found = entries.find(({ fields }) => fields['billId'] === billId);
    if (found !== undefined) return billOf(found);
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
  return {
    state: 'closed',
    ...factsOf(fields),
    billId,
    kind: kind as BillKind,
    ...known({ supersedes, meterStop, energy, stoppedAt, reason, gaps }),
    recordedAt: timeOfId(id),
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
