/**
 * The record of a transaction: its facts while it is open, and the closing mark that replaces it. The mark recognizes
 * duplicates, completes a bill whose start arrives late, and expires.
 */
import { readDecimal, type Decimal } from '../../ocpp/decimal.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import { register, type RegisterEntry, unregister } from './register.ts';

/**
 * `final`: the station reported the end. `abandoned`: it did not, and the last register counts. `correction`: the entry
 * replaces the one that `supersedes` names.
 */
export type BillKind = 'final' | 'abandoned' | 'correction';

/** Facts about a transaction; unknown ones are omitted. Meters are Wh as exact decimals, times as the station wrote them. */
export interface TransactionFacts {
  readonly stationId?: string | undefined;
  readonly transactionId?: string | undefined;
  readonly protocol?: string | undefined;
  readonly connectorId?: number | string | undefined;
  readonly evseId?: number | string | undefined;
  readonly idTag?: string | undefined;
  /** The decision about the token when the transaction started. */
  readonly authorization?: string | undefined;
  readonly meterStart?: string | undefined;
  /** Phases that were added up for it; empty for a total. */
  readonly startPhases?: string | undefined;
  readonly startedAt?: string | undefined;
  /** startedAt as RFC 3339 in UTC; the time of receipt if it cannot be read. */
  readonly startedAtUtc?: string | undefined;
  readonly remoteStartId?: number | string | undefined;
  readonly reservationId?: number | string | undefined;
  readonly chargingState?: string | undefined;
  readonly lastMeter?: string | undefined;
  readonly lastMeterAt?: string | undefined;
  readonly lastPhases?: string | undefined;
  /** Why the newest sample of the register could not be read; empty after a readable one. */
  readonly meterTrouble?: string | undefined;
  /** Highest sequence number since the station last restarted its counter (2.x). */
  readonly seqNo?: number | string | undefined;
  /** Missing sequence numbers, such as `2` or `0-1,3`; empty if none is missing. */
  readonly gaps?: string | undefined;
  /** Irregularities, as words. */
  readonly notes?: string | undefined;
  /** Business key of its start (1.6): after the stop, the same start is a new transaction. */
  readonly startKey?: string | undefined;
  /** When its first message was received; ms since 1970. */
  readonly openedAt?: number | string | undefined;
  /** When its last message was received, or up to `heardEveryMs` earlier (handler.ts); ms since 1970. */
  readonly heardAt?: number | string | undefined;
  /** The `heardAt` for which silence was reported. */
  readonly silenceReported?: string | undefined;
  /** Of a mark: the station sent more events after the end. */
  readonly goesOn?: string | undefined;
  /** Its token in the register of open transactions. */
  readonly openToken?: string | undefined;
  /** The transaction of the same id that this one replaced, as JSON of a `ReplacedTransaction`. */
  readonly before?: string | undefined;
}

/** A transaction that was closed as abandoned because its id was reused (2.x). */
export interface ReplacedTransaction {
  readonly facts: TransactionFacts;
  readonly billId: string;
}

/** A record as it is stored. */
export type TransactionRecord = {
  readonly [K in keyof TransactionFacts]?: string;
} & {
  /** When it was stopped, as the station wrote it; if set, the record is a closing mark. */
  readonly closed?: string;
  readonly kind?: BillKind;
  readonly billId?: string;
  readonly meterStop?: string;
  readonly stopPhases?: string;
  readonly stopSaid?: string;
  readonly stoppedAtUtc?: string;
  readonly reason?: string;
  /** The facts of a 1.6 stop, to distinguish a duplicate from a different stop. */
  readonly said?: string;
};

/** The fields that a reading of a running transaction needs. */
export const METERED_FIELDS = [
  'stationId',
  'closed',
  'kind',
  'meterStart',
  'startPhases',
  'lastMeter',
  'lastMeterAt',
  'lastPhases',
  'meterTrouble',
  'heardAt',
] as const satisfies readonly (keyof TransactionRecord)[];

/** A record and its key. */
export interface StoredTransaction {
  readonly key: string;
  readonly record: TransactionRecord;
}

export function isOpen(record: TransactionRecord): boolean {
  return record.closed === undefined;
}

/** Longest interval between updates of `heardAt`: each is a write. */
export const HEARD_EVERY_MS = 600_000;

/** Opens a transaction: its record, and its place in the register. */
export function openRecord(key: string, facts: TransactionFacts, now: number): StateWrite[] {
  const openToken = facts.idTag === '' ? undefined : facts.idTag;
  const opened = { ...facts, openToken };
  return [
    // An earlier closing mark does not apply to the new transaction.
    { kind: 'delete', key },
    remember(key, { ...opened, openedAt: now, heardAt: now }),
    ...register(entryOf(key, opened), now),
  ];
}

/** Stores facts about a transaction and keeps its other facts. */
export function remember(key: string, facts: TransactionFacts): StateWrite {
  return { kind: 'set', key, fields: fieldsOf(facts) };
}

/** Stores facts about a transaction only while its record exists: an expired mark must not reappear. */
export function rememberIfThere(key: string, facts: TransactionFacts): StateWrite {
  return { kind: 'set', key, fields: fieldsOf(facts), existing: true };
}

/** Updates the register when the token of an open transaction becomes known or changes. */
export function changeToken(key: string, known: TransactionFacts, idTag: string | undefined): StateWrite[] {
  const { stationId = '', openToken, openedAt } = known;
  if (idTag === undefined || idTag === '' || idTag === openToken) return [];
  const entry = (token: string | undefined) => ({ key, stationId, token });
  return [
    ...unregister(entry(openToken)),
    ...register(entry(idTag), Number(openedAt ?? 0)),
    remember(key, { openToken: idTag }),
  ];
}

/** Whether `heardAt` is to be updated: the last update is not recent. @param now ms since 1970 */
export function isHeardDue(
  { heardAt }: { readonly heardAt?: string | undefined },
  now: number,
  everyMs: number,
): boolean {
  return now - Number(heardAt ?? 0) >= everyMs;
}

/** The update of `heardAt`; empty if the last one is recent. */
export function heard(
  record: TransactionRecord,
  now: number,
  everyMs: number,
): Pick<TransactionFacts, 'heardAt'> {
  return isHeardDue(record, now, everyMs) ? { heardAt: now } : {};
}

export interface Mark {
  /** As the station wrote it. */
  readonly stoppedAt: string;
  readonly stoppedAtUtc: string;
  readonly reason: string;
  readonly kind: BillKind;
  readonly billId: string;
  readonly meterStop: string | undefined;
  readonly stopPhases: string | undefined;
  /** Why the end has no register that can be billed. */
  readonly stopSaid: string | undefined;
  readonly said?: string | undefined;
}

/**
 * Replaces an open record by its closing mark. The mark of a bill that may be corrected (an abandoned one, or any of 2.x)
 * keeps all facts. A 1.6 stop is final, so its mark keeps only what recognizes a duplicate.
 */
export function closeRecord(
  key: string,
  known: TransactionFacts,
  { stoppedAt, stoppedAtUtc, reason, stopPhases, stopSaid, ...mark }: Mark,
  expireSeconds: number,
): StateWrite[] {
  const { stationId, startedAt } = known;
  const isFinal = known.protocol === 'ocpp1.6' && mark.kind !== 'abandoned';
  const {
    openedAt: _opened,
    heardAt: _heard,
    openToken: _token,
    before: _before,
    startKey,
    ...lasting
  } = known;
  const facts = isFinal
    ? { stationId, startedAt }
    : { ...lasting, stoppedAtUtc, reason, stopPhases, stopSaid };
  // A sweep that read the open record must not write to the mark.
  const fields = fieldsOf({ ...facts, ...mark, closed: stoppedAt, silenceReported: 'closed' });
  return [
    { kind: 'delete', key },
    { kind: 'set', key, fields, expireSeconds },
    ...unregister(entryOf(key, known)),
    ...(startKey === undefined ? [] : [{ kind: 'forget', businessKey: startKey } as const]),
  ];
}

/** A decimal of a record. */
export function decimalOf(text: string | undefined): Decimal | undefined {
  return text === undefined ? undefined : readDecimal(text);
}

export function fieldsOf(facts: object): Record<string, string> {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}

function entryOf(key: string, { stationId = '', openToken }: TransactionFacts): RegisterEntry {
  return { key, stationId, token: openToken };
}
