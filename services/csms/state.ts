/**
 * What the cluster remembers of stations and transactions: the names of the records, how they are read,
 * and the writes that change them (data, applied by the transport together with the answer).
 *
 * | record                                   | holds                                            | ends            |
 * |------------------------------------------|--------------------------------------------------|-----------------|
 * | `station:{station}`                      | last boot, last status of up to 100 connectors   | with the station |
 * | `transaction:{id}` (1.6)                 | a transaction (transactions/record.ts)           | when it closes; its mark expires |
 * | `transaction:{station}:{id}` (2.x)       | the same; ids are the station's own              | the same        |
 * | `ended:{key of a start}` (1.6)           | how the last session with this start ended       | expires         |
 * | `open-transactions`, `open:{station}`, `open-token:{token}` | which transactions are open (transactions/register.ts) | with the transaction |
 * | `transactions`                           | stream of bills (transactions/bill.ts)           | bounded         |
 * | `reports`                                | stream of what billing looks at (transactions/reports.ts) | bounded |
 * | `meter-values`                           | stream of meter values that are kept whole       | bounded         |
 * | `tokens`                                 | who may charge (see tokens.ts), written by others | –               |
 * | `registrations`                          | who is not accepted (see registrations.ts), written by others | – |
 * | `report:{station}:{action}:{request}`    | parts of a report (see handlers/reports.ts)      | expires         |
 * | `event-stream:{station}:{id}`            | 2.1: last value of a periodic event stream       | expires         |
 * | `settlements`                            | 2.1: stream of ad hoc payments settled           | bounded         |
 *
 * Keys are relative: the transport prefixes them and escapes what must not stand in a Redis key.
 */
import type { Clock } from '../runtime/clock.ts';
import { inLists, type MeterValue } from './transactions/meter.ts';
import type { Registration } from '../transport/transport.ts';
import type { StateReader, StateWrite } from '../transport/stored-state.ts';
import { createRegistrations, REGISTRATIONS, readRegistration } from './registrations.ts';
import { tokenFields } from './tokens.ts';
import { createTransactionIds } from './transactions/ids.ts';
import {
  fieldsOf,
  isOpen,
  METERED_FIELDS,
  type StoredTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from './transactions/record.ts';
import { openOfToken, openTransactionsOf } from './transactions/register.ts';

/** About as many settlements wait for billing; older ones are dropped from the stream. */
const SETTLEMENTS_KEPT = 100_000;
/** Open transactions of one token that are looked at. */
const TOKEN_MOST = 8;
/** The same of meter values; a message with many of them makes several entries, so that this bounds their size too. */
const METER_VALUES_KEPT = 10_000;
const METER_VALUES_LONGEST = 16_384;
/** Connectors are numbered from 0; a station that makes up numbers shall not fill the store. */
const CONNECTORS_KEPT = 100;

export const key = {
  tokens: 'tokens',
  station: (stationId: string) => `station:${stationId}`,
  /** 1.6: the id is ours and unique in the cluster. */
  transaction: (id: number | string) => `transaction:${id}`,
  /** 2.x: the id is unique for the station only. The colon between the two must be the first one. */
  stationTransaction: (stationId: string, id: string) => `transaction:${ofStation(stationId)}:${id}`,
  report: (stationId: string, report: string) => `report:${ofStation(stationId)}:${report}`,
  eventStream: (stationId: string, id: number) => `event-stream:${ofStation(stationId)}:${id}`,
  settlements: 'settlements',
  meterValues: 'meter-values',
} as const;

/** A station's identity with more parts behind it: what follows must not be taken for a part of it. */
function ofStation(stationId: string): string {
  return stationId.replaceAll('%', '%25').replaceAll(':', '%3A');
}

/** Reads for handlers. */
export interface ProcessorState {
  transaction(key: string): Promise<TransactionRecord | undefined>;
  /** The same, with what a reading needs to know only: cars send them every minute. */
  meteredTransaction(key: string): Promise<TransactionRecord | undefined>;
  /** The open transactions of a station, oldest first. */
  openTransactions(stationId: string): Promise<readonly StoredTransaction[]>;
  /** Keys of the records of a token's open transactions, at most a few. */
  openOfToken(token: string): Promise<readonly string[]>;
  /** One field of any record. */
  field(key: string, field: string): Promise<string | undefined>;
  /** The list's entry for a token, in whatever case it was written. */
  token(token: string): Promise<string | undefined>;
  nextTransactionId(): Promise<number>;
  /** What a station is told at boot. */
  registrationAtBoot(stationId: string): Promise<Registration>;
  /** The same for every other message. @param booted what the last boot on the connection was answered */
  registration(stationId: string, booted?: Registration): Promise<Registration>;
}

export function createState(reader: StateReader, clock: Clock): ProcessorState {
  const ids = createTransactionIds(reader, clock);
  /** Without those whose record is gone: Redis may have lost a part. */
  const openOf = async (keys: readonly string[]) => {
    const found = await Promise.all(keys.map(async (key) => ({ key, record: await reader.record(key) })));
    return found.filter((one): one is StoredTransaction => one.record !== undefined && isOpen(one.record));
  };
  return {
    transaction: (key) => reader.record(key),
    meteredTransaction: (key) => reader.fields(key, METERED_FIELDS),
    openTransactions: async (stationId) => openOf(await openTransactionsOf(reader, stationId)),
    async openOfToken(token) {
      const members = await reader.members(openOfToken(token), Number.MAX_SAFE_INTEGER, TOKEN_MOST);
      return (await openOf(members.map(({ member }) => member))).map(({ key }) => key);
    },
    field: (key, field) => reader.field(key, field),
    async token(token) {
      const found = await Promise.all(tokenFields(token).map((field) => reader.field(key.tokens, field)));
      return found.find((entry) => entry !== undefined);
    },
    nextTransactionId: () => ids.next(),
    registrationAtBoot: async (stationId) => readRegistration(await reader.field(REGISTRATIONS, stationId)),
    registration: createRegistrations(reader, clock),
  };
}

/** Keeps meter values as the station sent them, for whoever needs more than the register. */
export function keepMeterValues(
  about: Pick<TransactionFacts, 'stationId' | 'transactionId' | 'connectorId' | 'evseId'>,
  values: readonly MeterValue[] = [],
): StateWrite[] {
  return inLists(values, METER_VALUES_LONGEST).map((list) => ({
    kind: 'append',
    key: key.meterValues,
    fields: fieldsOf({ ...about, values: JSON.stringify(list) }),
    maxLength: METER_VALUES_KEPT,
  }));
}

/** A payment that a terminal at the station has settled, for billing. */
export function recordSettlement(facts: object): StateWrite {
  return { kind: 'append', key: key.settlements, fields: fieldsOf(facts), maxLength: SETTLEMENTS_KEPT };
}

/** Remembers facts about a station under its record. */
export function rememberStation(
  stationId: string,
  facts: Readonly<Record<string, string | undefined>>,
): StateWrite {
  return { kind: 'set', key: key.station(stationId), fields: fieldsOf(facts) };
}

/** The field of a connector's last status; undefined for numbers that no real station has. */
export function statusField(connectorId: number, evseId?: number): string | undefined {
  const numbers = evseId === undefined ? [connectorId] : [evseId, connectorId];
  // With an EVSE in front, ten connectors each keep the bound of the record.
  const limits = evseId === undefined ? [CONNECTORS_KEPT] : [CONNECTORS_KEPT / 10, 10];
  if (numbers.some((number, place) => number < 0 || number >= (limits[place] ?? 0))) return undefined;
  return `status:${numbers.join('.')}`;
}
