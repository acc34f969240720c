/** The lists that handlers obey: tokens that may charge, and stations that are not accepted. */
import { REGISTRATIONS, readRegistration } from '../csms/registrations.ts';
import { key } from '../csms/state.ts';
import { readToken, TOKEN_STATUSES, tokenFields } from '../csms/tokens.ts';
import { TransportError } from '../transport/errors.ts';
import type { StoredLists } from '../transport/stored-lists.ts';
import type { StateStore, StateWrite } from '../transport/stored-state.ts';
import type { Listing, Registrations, Token, Tokens } from './cluster-client.ts';
import { badCursor, listingOf, readCursor, writeCursor } from './listing.ts';
import { known } from './stations.ts';
import { eraseHistory } from './token-history.ts';

export interface ListSources {
  readonly lists: StoredLists;
  readonly state: Pick<StateStore, 'field' | 'fields' | 'size' | 'amend'>;
}

/** Longest token of 2.1 (IdTokenType), and longest text of the other fields. */
const LONGEST = 255;

export function createTokens(sources: ListSources): Tokens {
  const { state } = sources;
  return {
    list: () => recordListing(sources, key.tokens, (token, text) => tokenOf(token, text)),
    async get(token) {
      const stored = (await state.fields(key.tokens, tokenFields(token))) ?? {};
      const field = tokenFields(token).find((name) => Object.hasOwn(stored, name));
      return field === undefined ? undefined : tokenOf(field, stored[field] ?? '');
    },
    async set({ token, ...entry }) {
      const text = checkToken(token, entry);
      const [field = '', ...others] = tokenFields(token);
      const set: StateWrite = { kind: 'set', key: key.tokens, fields: { [field]: text } };
      // An entry in another spelling would be a second one of the same token.
      await state.amend({ writes: [{ kind: 'unset', key: key.tokens, names: others }, set], events: [] });
    },
    async remove(token) {
      const names = tokenFields(token);
      const isListed = (await state.fields(key.tokens, names)) !== undefined;
      if (isListed) await state.amend({ writes: [{ kind: 'unset', key: key.tokens, names }], events: [] });
      return isListed;
    },
    eraseHistory: (token, after) => eraseHistory(sources, token, after),
  };
}

export function createRegistrations(sources: ListSources): Registrations {
  const { state } = sources;
  return {
    list: () =>
      recordListing(sources, REGISTRATIONS, (station, text) => ({ station, status: readRegistration(text) })),
    async set(stationId, status) {
      const write: StateWrite =
        status === 'Accepted'
          ? { kind: 'unset', key: REGISTRATIONS, names: [stationId] }
          : { kind: 'set', key: REGISTRATIONS, fields: { [stationId]: status } };
      await state.amend({ writes: [write], events: [] });
    },
  };
}

/** The fields of a record as a listing, in no order. */
export function recordListing<T>(
  { lists }: Pick<ListSources, 'lists'>,
  record: string,
  item: (name: string, value: string) => T,
): Listing<T> {
  interface Field {
    readonly name: string;
    readonly value: string;
    /** Where reading goes on after it. */
    readonly next: string;
  }
  return listingOf<Field, T>({
    async read(after, limit) {
      const from = after === undefined ? undefined : readCursor(after);
      if (from !== undefined && !/^\d{1,20}(:\d{1,9})?$/.test(from)) throw badCursor(after ?? '');
      const { fields, next } = await lists.fieldPage(record, limit, from);
      const cursor = next === undefined ? undefined : writeCursor(next);
      const entries = fields.map(([name, value]) => ({ name, value, next: cursor ?? '' }));
      return { entries, next: cursor };
    },
    cursorOf: ({ next }) => next,
    items: (fields) => fields.map(({ name, value }) => item(name, value)),
  });
}

function tokenOf(token: string, text: string): Token {
  const entry = readToken(text);
  if (typeof entry === 'string') return { token, status: 'Invalid', problem: entry };
  const { status, expiry, ...others } = entry;
  return { token, status, ...known({ expiry: expiry?.toISOString(), ...others }) };
}

/** @returns the entry as it is stored  @throws TransportError bad-entry */
function checkToken(
  token: string,
  { status, expiry, parent, type, concurrent, ...limits }: Omit<Token, 'token'>,
): string {
  const refuse = (why: string) => new TransportError('bad-entry', `token ${JSON.stringify(token)}: ${why}`);
  if (token === '' || token.length > LONGEST) throw refuse(`a token has 1 to ${LONGEST} characters`);
  if (!TOKEN_STATUSES.includes(status)) throw refuse(`status must be one of ${TOKEN_STATUSES.join(', ')}`);
  for (const [name, value] of Object.entries({ parent, type }))
    if (value !== undefined && (value === '' || value.length > LONGEST))
      throw refuse(`${name} has 1 to ${LONGEST} characters`);
  const { maxEnergyWh, maxDurationSeconds } = limits;
  for (const [name, value] of Object.entries({ maxEnergyWh, maxDurationSeconds }))
    if (value !== undefined && !Number.isFinite(value)) throw refuse(`${name} is no number`);
  const facts = { expiry, parent, type, concurrent, maxEnergyWh, maxDurationSeconds };
  const text = JSON.stringify({ status, ...known(facts) });
  const entry = readToken(text);
  if (typeof entry === 'string') throw refuse(entry);
  return text;
}
