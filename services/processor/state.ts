/**
 * What the cluster remembers of stations and transactions: the names of the records, how they are read,
 * and the writes that change them (data, applied by the transport together with the answer).
 *
 * | record                                   | holds                                            | ends            |
 * |------------------------------------------|--------------------------------------------------|-----------------|
 * | `station:{station}`                      | last boot, last status of up to 100 connectors   | with the station |
 * | `transaction:{id}` (1.6)                 | an open transaction: start and last meter        | when it closes  |
 * | `transaction:{station}:{id}` (2.x)       | the same; ids are the station's own              | when it closes  |
 * | `transactions`                           | stream of closed transactions, for billing       | bounded         |
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
import { inLists, type MeterValue } from './meter.ts';
import { BUSINESS_KEY_SECONDS, type StateReader, type StateWrite } from '../transport/transport.ts';
import { createRegistrations, type Registration, REGISTRATIONS, readRegistration } from './registrations.ts';
import { tokenFields } from './tokens.ts';
import { createTransactionIds } from './transaction-ids.ts';

/** About as many closed transactions wait for billing; older ones are dropped from the stream. */
const CLOSED_KEPT = 100_000;
/** The same of meter values; a message with many of them makes several entries, so that this bounds their size too. */
const METER_VALUES_KEPT = 10_000;
const METER_VALUES_LONGEST = 16_384;
/** Connectors are numbered from 0; a station that makes up numbers shall not fill the store. */
const CONNECTORS_KEPT = 100;

/** Facts about a transaction. Left out: not known. Numbers in Wh, times as the station wrote them. */
export interface TransactionFacts {
  readonly stationId?: string | undefined;
  readonly transactionId?: string | undefined;
  readonly protocol?: string | undefined;
  readonly connectorId?: number | string | undefined;
  readonly evseId?: number | string | undefined;
  readonly idTag?: string | undefined;
  /** How the token was judged when the transaction started. */
  readonly authorization?: string | undefined;
  readonly meterStart?: number | string | undefined;
  readonly startedAt?: string | undefined;
  readonly lastMeter?: number | string | undefined;
  readonly lastMeterAt?: string | undefined;
  readonly meterStop?: number | string | undefined;
  readonly stoppedAt?: string | undefined;
  readonly reason?: string | undefined;
  readonly seqNo?: number | string | undefined;
}

export type TransactionRecord = {
  readonly [K in keyof TransactionFacts]?: string;
} & {
  /** Set for a day after the end, so that a late message opens nothing anew. */
  readonly closed?: string;
};

export const key = {
  tokens: 'tokens',
  closedTransactions: 'transactions',
  station: (stationId: string) => `station:${stationId}`,
  /** 1.6: the id is ours and unique in the cluster. */
  transaction: (id: number) => `transaction:${id}`,
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
  /** One field of any record. */
  field(key: string, field: string): Promise<string | undefined>;
  /** The list's entry for a token, in whatever case it was written. */
  token(token: string): Promise<string | undefined>;
  nextTransactionId(): Promise<number>;
  /** What a station is told at boot. */
  registrationAtBoot(stationId: string): Promise<Registration>;
  /** The same for every other message, up to some seconds old. */
  registration(stationId: string): Promise<Registration>;
}

export function createState(reader: StateReader, clock: Clock): ProcessorState {
  const ids = createTransactionIds(reader, clock);
  return {
    transaction: (key) => reader.record(key),
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

/** Remembers facts about an open transaction, and leaves what is known already. */
export function rememberTransaction(key: string, facts: TransactionFacts): StateWrite {
  return { kind: 'set', key, fields: fieldsOf(facts) };
}

/** The entry of a closed transaction, for billing. */
export function recordClosed(facts: TransactionFacts): StateWrite {
  return { kind: 'append', key: key.closedTransactions, fields: fieldsOf(facts), maxLength: CLOSED_KEPT };
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
  return { kind: 'append', key: key.settlements, fields: fieldsOf(facts), maxLength: CLOSED_KEPT };
}

export function forgetTransaction(key: string): StateWrite {
  return { kind: 'delete', key };
}

/** Leaves only a mark that expires, so that a late message does not open the transaction again. */
export function markClosed(key: string, stoppedAt: string): StateWrite[] {
  const fields = { closed: stoppedAt };
  return [forgetTransaction(key), { kind: 'set', key, fields, expireSeconds: BUSINESS_KEY_SECONDS }];
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

function fieldsOf(facts: object): Record<string, string> {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}
