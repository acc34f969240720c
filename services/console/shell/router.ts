/** Addresses of pages: the fragment of the URL, `#/stations/CP%201?state=faulted`. The server knows none of them. */
import { computed, signal } from '@preact/signals';

export interface Place {
  /** Decoded parts: `['stations', 'CP 1']`. */
  readonly parts: readonly string[];
  readonly query: ReadonlyMap<string, string>;
}

const fragment = signal(location.hash);
addEventListener('hashchange', () => void (fragment.value = location.hash));

export const place = computed<Place>(() => placeOf(fragment.value));

export function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  return { parts, query: new Map(new URLSearchParams(query)) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @returns the value of an href */
export function linkTo(parts: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
  return `#/${parts.map(encodeURIComponent).join('/')}${search}`;
}

/** Changes the query of the page without a step of the history: for filters that are typed. */
export function setQuery(query: Readonly<Record<string, string>>): void {
  const link = linkTo(place.value.parts, query);
  history.replaceState(null, '', link);
  fragment.value = link;
}
