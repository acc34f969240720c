/**
 * The state of stations and transactions: the names of the records, how they are read, and the writes that change them
 * (data, applied by the transport together with the response).
 *
 * | record                                   | content                                          | end of life     |
 * |------------------------------------------|--------------------------------------------------|-----------------|
 * | `station:{station}`                      | last boot, last status of up to 100 connectors   | with the station |
 * | `transaction:{id}` (1.6)                 | a transaction (transactions/record.ts)           | when it closes; its closing mark expires |
 * | `transaction:{station}:{id}` (2.x)       | the same; ids are the station's own              | the same        |
 * | `ended:{key of a start}` (1.6)           | outcome of the last session with this start      | expires         |
 * | `open-transactions`, `open:{station}`, `open-token:{token}` | the open transactions (transactions/register.ts) | with the transaction |
 * | `transactions`                           | stream of bills (transactions/bill.ts)           | bounded         |
 * | `reports`                                | stream of reports for billing (transactions/reports.ts) | bounded |
 * | `meter-values`                           | stream of complete meter values                  | bounded         |
 * | `tokens`                                 | tokens that may charge (tokens.ts), written by other systems | –    |
 * | `registrations`                          | stations that are not accepted (registrations.ts), written by other systems | – |
 * | `report:{station}:{action}:{request}`    | parts of a report (handlers/reports.ts)          | expires         |
 * | `event-stream:{station}:{id}`            | 2.1: last value of a periodic event stream       | expires         |
 * | `split-call:{station}:{key}`             | how a command was split (commands/split-plan.ts) | expires         |
 * | `certificate-request:{station}`, `certificate-requests` | requests for certificates (credentials/certificate-request.ts) | with the request |
 * | `last-decisions`, `last-decision-times`  | last known answers of a decider (decisions/last-known.ts) | 7 days, bounded |
 * | `settlements`                            | 2.1: stream of settled ad hoc payments           | bounded         |
 *
 * Keys are relative: the transport adds the prefix and escapes characters that a Redis key must not have.
 */
import type { Clock } from '../runtime/clock.ts';
import { inLists, type MeterValue } from './transactions/meter.ts';
import { PROVEN } from '../transport/gateway.ts';
import type { Registration, Transport } from '../transport/transport.ts';
import type { StateReader, StateWrite } from '../transport/stored-state.ts';
import { decisionsToForget } from './decisions/last-known.ts';
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
import { type RunningTransaction, RunningTransactions } from './transactions/running.ts';
import { openOfToken, openTransactionsOf } from './transactions/register.ts';

/** Approximate length of the settlements stream; older entries are dropped. */
const SETTLEMENTS_KEPT = 100_000;
/** Open transactions of one token that are read. */
const TOKEN_MOST = 8;
/** Approximate length of the meter values stream; a message with many values makes several entries, so this bounds its size. */
const METER_VALUES_KEPT = 10_000;
const METER_VALUES_LONGEST = 16_384;
/** Connectors are numbered from 0; a station that invents numbers must not fill the store. */
const CONNECTORS_KEPT = 100;

export const key = {
  tokens: 'tokens',
  station: (stationId: string) => `station:${stationId}`,
  /** 1.6: the CSMS assigns the id; it is unique in the cluster. */
  transaction: (id: number | string) => `transaction:${id}`,
  /** 2.x: the id is unique per station only. The colon between the two must be the first one. */
  stationTransaction: (stationId: string, id: string) => `transaction:${ofStation(stationId)}:${id}`,
  report: (stationId: string, report: string) => `report:${ofStation(stationId)}:${report}`,
  eventStream: (stationId: string, id: number) => `event-stream:${ofStation(stationId)}:${id}`,
  splitCall: (stationId: string, idempotencyKey: string) =>
    `split-call:${ofStation(stationId)}:${idempotencyKey}`,
  settlements: 'settlements',
  meterValues: 'meter-values',
} as const;

/** An identity as a part of a key: escaped, so that the parts after it cannot be confused with it. */
function ofStation(stationId: string): string {
  return stationId.replaceAll('%', '%25').replaceAll(':', '%3A');
}

/** Reads for handlers. */
export interface ProcessorState {
  transaction(key: string): Promise<TransactionRecord | undefined>;
  /** Only the fields that a reading needs: cars send one every minute. It is known from then on while it runs. */
  meteredTransaction(key: string): Promise<TransactionRecord | undefined>;
  /** What this processor knows of a running transaction without a read. */
  runningTransaction(key: string): RunningTransaction | undefined;
  /** The open transactions of a station, oldest first. */
  openTransactions(stationId: string): Promise<readonly StoredTransaction[]>;
  /** Keys of the records of a token's open transactions, at most a few. */
  openOfToken(token: string): Promise<readonly string[]>;
  /** One field of any record. */
  field(key: string, field: string): Promise<string | undefined>;
  /** The entry of a token in the token list, in any case. */
  token(token: string): Promise<string | undefined>;
  nextTransactionId(): Promise<number>;
  /** Registration status for the response to a BootNotification. */
  registrationAtBoot(stationId: string): Promise<Registration>;
  /** Registration status for every other message. @param booted the response to the last boot on the connection */
  registration(stationId: string, booted?: Registration): Promise<Registration>;
  /** Fields of last known decisions that are too old, or too many; `now` in ms. */
  decisionsToForget(now: number): Promise<readonly string[]>;
  /** Whether the station has proved who it is on this connection, by a password or a certificate. */
  isProven(stationId: string, epoch: number): Promise<boolean>;
}

/** What handlers learn of connections. */
export type SessionReader = Pick<Transport, 'sessionMetadata'>;

export function createState(reader: StateReader, clock: Clock, sessions: SessionReader): ProcessorState {
  const ids = createTransactionIds(reader, clock);
  const running = new RunningTransactions();
  /** Skips entries without a record: Redis may have lost a part. */
  const openOf = async (keys: readonly string[]) => {
    const found = await Promise.all(keys.map(async (key) => ({ key, record: await reader.record(key) })));
    return found.filter((one): one is StoredTransaction => one.record !== undefined && isOpen(one.record));
  };
  return {
    transaction: (key) => reader.record(key),
    async meteredTransaction(key) {
      const record = await reader.fields(key, METERED_FIELDS);
      if (reader.checksExpectations === true) running.learn(key, record, clock.now());
      return record;
    },
    runningTransaction: (key) => running.get(key),
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
    decisionsToForget: (now) => decisionsToForget(reader, now),
    async isProven(stationId, epoch) {
      return (await sessions.sessionMetadata(stationId, epoch))?.[PROVEN] === 'true';
    },
  };
}

/** Stores meter values as the station sent them, for consumers that need more than the register. */
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

/** A payment that a terminal at the station settled, for billing. */
export function recordSettlement(facts: object): StateWrite {
  return { kind: 'append', key: key.settlements, fields: fieldsOf(facts), maxLength: SETTLEMENTS_KEPT };
}

/** Stores facts about a station in its record. */
export function rememberStation(
  stationId: string,
  facts: Readonly<Record<string, string | undefined>>,
): StateWrite {
  return { kind: 'set', key: key.station(stationId), fields: fieldsOf(facts) };
}

/** The field of a connector's last status; undefined for impossible numbers. */
export function statusField(connectorId: number, evseId?: number): string | undefined {
  const numbers = evseId === undefined ? [connectorId] : [evseId, connectorId];
  // Ten connectors per EVSE keep the record within the same limit.
  const limits = evseId === undefined ? [CONNECTORS_KEPT] : [CONNECTORS_KEPT / 10, 10];
  if (numbers.some((number, place) => number < 0 || number >= (limits[place] ?? 0))) return undefined;
  return `status:${numbers.join('.')}`;
}
