/**
 * The record of a transaction: what is known of it while it is open, and the mark that it leaves when it is closed. The
 * mark recognises what a station sends again, completes a bill whose start comes late, and expires.
 */
import { readDecimal, type Decimal } from '../../ocpp/decimal.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import { register, type RegisterEntry, unregister } from './register.ts';

/**
 * `final`: the station said how it ended. `abandoned`: it never did, and the last register counts. `correction`: what
 * came later replaces the entry that `supersedes` names.
 */
export type BillKind = 'final' | 'abandoned' | 'correction';

/** Facts about a transaction. Left out: not known. Meters are Wh as exact decimals, times as the station wrote them. */
export interface TransactionFacts {
  readonly stationId?: string | undefined;
  readonly transactionId?: string | undefined;
  readonly protocol?: string | undefined;
  readonly connectorId?: number | string | undefined;
  readonly evseId?: number | string | undefined;
  readonly idTag?: string | undefined;
  /** How the token was judged when the transaction started. */
  readonly authorization?: string | undefined;
  readonly meterStart?: string | undefined;
  /** Phases that were added up for it; empty for a sample of the whole. */
  readonly startPhases?: string | undefined;
  readonly startedAt?: string | undefined;
  /** The instant of startedAt, RFC 3339 in UTC; where that cannot be read, when the message was received. */
  readonly startedAtUtc?: string | undefined;
  readonly remoteStartId?: number | string | undefined;
  readonly reservationId?: number | string | undefined;
  readonly chargingState?: string | undefined;
  readonly lastMeter?: string | undefined;
  readonly lastMeterAt?: string | undefined;
  readonly lastPhases?: string | undefined;
  /** Why the newest sample of the register could not be read; empty when one was read after it. */
  readonly meterTrouble?: string | undefined;
  /** Highest sequence number since the station last restarted its counter (2.x). */
  readonly seqNo?: number | string | undefined;
  /** Sequence numbers that never came, such as `2` or `0-1,3`; empty when all have come. */
  readonly gaps?: string | undefined;
  /** What was unusual, as words. */
  readonly notes?: string | undefined;
  /** Business key of its start (1.6): once it is stopped, the same start is a new one. */
  readonly startKey?: string | undefined;
  /** When the first message of it was received; ms since 1970. */
  readonly openedAt?: number | string | undefined;
  /** When the last one was received, up to `HEARD_EVERY_MS` earlier; ms since 1970. */
  readonly heardAt?: number | string | undefined;
  /** The `heardAt` of which a silent transaction was reported. */
  readonly silenceReported?: string | undefined;
  /** Of a mark: the station said more of it after its end. */
  readonly goesOn?: string | undefined;
  /** The token under which it is in the register. */
  readonly openToken?: string | undefined;
  /** Of a transaction that replaced another one of its id: that one, as JSON of a `ReplacedTransaction`. */
  readonly before?: string | undefined;
}

/** A transaction that was closed as abandoned because its id was used again (2.x). */
export interface ReplacedTransaction {
  readonly facts: TransactionFacts;
  readonly billId: string;
}

/** A record as it is stored. */
export type TransactionRecord = {
  readonly [K in keyof TransactionFacts]?: string;
} & {
  /** When it was stopped, as the station wrote it: the record is a mark. */
  readonly closed?: string;
  readonly kind?: BillKind;
  readonly billId?: string;
  readonly meterStop?: string;
  readonly stopPhases?: string;
  readonly stopSaid?: string;
  readonly stoppedAtUtc?: string;
  readonly reason?: string;
  /** What a 1.6 stop said, to tell a repetition from another story. */
  readonly said?: string;
};

/** What a reading of a running transaction needs to know of it. */
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

/** A record whose key and station are known. */
export interface StoredTransaction {
  readonly key: string;
  readonly record: TransactionRecord;
}

export function isOpen(record: TransactionRecord): boolean {
  return record.closed === undefined;
}

/** A transaction that says something all the time is noted at most so often. */
export const HEARD_EVERY_MS = 600_000;

/** Opens a transaction: its record, and its place in the register. */
export function openRecord(key: string, facts: TransactionFacts, now: number): StateWrite[] {
  const openToken = facts.idTag === '' ? undefined : facts.idTag;
  const opened = { ...facts, openToken };
  return [
    // What a mark of before says is not true of the new one.
    { kind: 'delete', key },
    remember(key, { ...opened, openedAt: now, heardAt: now }),
    ...register(entryOf(key, opened), now),
  ];
}

/** Remembers facts about a transaction and leaves what is known already. */
export function remember(key: string, facts: TransactionFacts): StateWrite {
  return { kind: 'set', key, fields: fieldsOf(facts) };
}

/** Remembers facts about a transaction whose record is still there: a mark that has expired does not come back. */
export function rememberIfThere(key: string, facts: TransactionFacts): StateWrite {
  return { kind: 'set', key, fields: fieldsOf(facts), existing: true };
}

/** The token of an open transaction was learned or changed: the register follows. */
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

/** The note that the station speaks of it still; nothing where that was noted a short while ago. */
export function heard({ heardAt }: TransactionRecord, now: number): Pick<TransactionFacts, 'heardAt'> {
  return now - Number(heardAt ?? 0) < HEARD_EVERY_MS ? {} : { heardAt: now };
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
  /** What the end said of its register, where it said none that could be billed. */
  readonly stopSaid: string | undefined;
  readonly said?: string | undefined;
}

/**
 * Replaces an open record by its mark. Of a bill that may still be corrected the mark keeps all facts: an abandoned
 * one, and any of 2.x. A stop of 1.6 is the last word, and its mark keeps only what recognises a repetition.
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
  // So that nothing that was read while it was open is written to the mark.
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
