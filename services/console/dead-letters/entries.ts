/** Dead letters and unreadable texts as rows of one table. */
import { api, read, type Schemas } from '../api/client.ts';
import type { ReadPage } from '../parts/paged-list.ts';

export type Letter = Schemas['DeadLetter'];
export type Unreadable = Schemas['UnreadableText'];
export type Kind = 'letters' | 'unreadable';

/** What both lists have, and one of both. */
export interface Entry extends Pick<Letter, 'id' | 'at' | 'reason' | 'station'> {
  readonly letter?: Letter;
  readonly unreadable?: Unreadable;
}

/** @param station filter of unreadable texts; the API has none for dead letters */
export const pagesOf = (kind: Kind, station: string): ReadPage<Entry> =>
  kind === 'letters'
    ? async (query, signal) => {
        const { items, ...page } = await read(api.GET('/v1/dead-letters', { params: { query }, signal }));
        return { ...page, items: items.map(ofLetter) };
      }
    : async (given, signal) => {
        const query = { ...given, ...(station !== '' && { station }) };
        const { items, ...page } = await read(api.GET('/v1/unreadable', { params: { query }, signal }));
        return { ...page, items: items.map(ofUnreadable) };
      };

function ofLetter(letter: Letter): Entry {
  const { id, at, reason, station } = letter;
  return { id, at, reason, letter, ...(station !== undefined && { station }) };
}

function ofUnreadable(unreadable: Unreadable): Entry {
  const { id, at, reason, station } = unreadable;
  return { id, at, reason, station, unreadable };
}
