/**
 * Erases a token from what is stored of the past: decision 21 says what that covers, and why bills stay. A bill is replaced by a copy
 * with another token at the end of the stream, as entries cannot change; its `billId` stays, so consumers recognise it. The mark
 * of its transaction is changed first: if the process dies in between, the bill still names the token, and a repetition finds it.
 */
import { forgetToken } from '../csms/decisions/last-known.ts';
import { key } from '../csms/state.ts';
import { BILLS } from '../csms/transactions/bill.ts';
import { openOfToken } from '../csms/transactions/register.ts';
import { TransportError } from '../transport/errors.ts';
import type { StoredEntry, StoredLists } from '../transport/stored-lists.ts';
import type { StateStore } from '../transport/stored-state.ts';
import type { ErasedHistory } from './cluster-client.ts';
import { badCursor, EXAMINED, READ_AT_ONCE, readCursor, writeCursor } from './listing.ts';
import { checkId, timeOfId } from './streams.ts';

/** The token of all erased bills. One text for all of them: a pseudonym of its own would still link the bills of a person. */
export const ERASED = 'ERASED';

const EVENTS = 'events';

export interface HistorySources {
  readonly lists: StoredLists;
  readonly state: Pick<StateStore, 'fields' | 'size' | 'amend'>;
}

/** Where a request goes on. */
interface Place {
  readonly stream: typeof BILLS | typeof EVENTS;
  /** Exclusive. */
  readonly id: string;
}

/**
 * Examines up to 2000 entries, the oldest first.
 * @param after `next` of the request before
 * Rejects with `token-charging` while a transaction of the token is open, and with `bad-cursor`.
 */
export async function eraseHistory(
  sources: HistorySources,
  token: string,
  after?: string,
): Promise<ErasedHistory> {
  const wanted = token.toUpperCase();
  const counts = { bills: 0, marks: 0, events: 0 };
  let place: Place | undefined = after === undefined ? { stream: BILLS, id: '0-0' } : readPlace(after);
  if ((await sources.state.size(openOfToken(token))) > 0) throw charging();
  // Copies would be found again, without an end.
  if (wanted === ERASED) return counts;
  if (after === undefined) await sources.state.amend({ writes: forgetToken(token), events: [] });
  for (let examined = 0; examined < EXAMINED;) {
    const { stream, id }: Place = place;
    const entries = await sources.lists.entries(stream, { after: id, limit: READ_AT_ONCE });
    for (const entry of entries) {
      if (stream === EVENTS) counts.events += await dropEvent(sources, entry, wanted);
      else if (entry.fields['idTag']?.toUpperCase() === wanted) {
        counts.marks += await eraseMark(sources, entry, wanted);
        counts.bills += await eraseBill(sources, entry);
      }
    }
    place = placeAfter(stream, entries);
    if (place === undefined) return counts;
    examined += entries.length;
  }
  return { ...counts, next: writeCursor(`${place.stream} ${place.id}`) };
}

function placeAfter(stream: Place['stream'], entries: readonly StoredEntry[]): Place | undefined {
  const last = entries.at(-1);
  if (last !== undefined && entries.length === READ_AT_ONCE) return { stream, id: last.id };
  return stream === BILLS ? { stream: EVENTS, id: '0-0' } : undefined;
}

async function eraseBill({ lists }: HistorySources, { id, fields }: StoredEntry): Promise<number> {
  const copy = { ...fields, idTag: ERASED, recordedAt: fields['recordedAt'] ?? timeOfId(id) };
  return Number(await lists.replaceEntry(BILLS, id, copy));
}

/** The mark of a closed transaction; that of a final bill of 1.6 has no token. */
async function eraseMark({ state }: HistorySources, { fields }: StoredEntry, wanted: string) {
  const { stationId = '', transactionId = '', protocol } = fields;
  const name =
    protocol === 'ocpp1.6'
      ? key.transaction(transactionId)
      : key.stationTransaction(stationId, transactionId);
  const mark = await state.fields(name, ['stationId', 'closed', 'idTag']);
  const { closed } = mark ?? {};
  const isOther = mark?.['stationId'] !== stationId || mark['idTag']?.toUpperCase() !== wanted;
  if (isOther || closed === undefined) return 0;
  const isChanged = await state.amend({
    expected: { key: name, field: 'closed', value: closed },
    writes: [{ kind: 'set', key: name, fields: { idTag: ERASED }, existing: true }],
    events: [],
  });
  return Number(isChanged);
}

/** Fields of events with a token. */
const TOKEN_FIELDS = ['idTag', 'token'];

/** Events that quote the payload of a message, at most its first 2000 characters. */
const QUOTING: ReadonlySet<string> = new Set(['message-repaired', 'message-refused']);

/** Events of transactions and refusals name the token; those of unusual messages quote the message. */
async function dropEvent({ lists }: HistorySources, { id, fields }: StoredEntry, wanted: string) {
  const isNamed = TOKEN_FIELDS.some((name) => fields[name]?.toUpperCase() === wanted);
  const isQuoted = QUOTING.has(fields['type'] ?? '') && mentions(fields['payload'] ?? '', wanted);
  return isNamed || isQuoted ? Number(await lists.dropEntry(EVENTS, id)) : 0;
}

/** Of a text that was cut, and is no JSON, rather one event too many is removed. */
function mentions(payload: string, wanted: string): boolean {
  try {
    return contains(JSON.parse(payload), wanted);
  } catch {
    return payload.toUpperCase().includes(wanted);
  }
}

/** Stations send a token as a number, too. */
function contains(value: unknown, wanted: string): boolean {
  if (typeof value === 'object' && value !== null)
    return Object.values(value).some((one) => contains(one, wanted));
  return String(value).toUpperCase() === wanted;
}

/** @throws TransportError bad-cursor */
function readPlace(cursor: string): Place {
  const [stream, id = ''] = readCursor(cursor).split(' ');
  if (stream !== BILLS && stream !== EVENTS) throw badCursor(cursor);
  return { stream, id: checkId(id) };
}

function charging(): TransportError {
  const message = 'the bill of an open transaction needs its token: stop it, then erase its history';
  return new TransportError('token-charging', message);
}
