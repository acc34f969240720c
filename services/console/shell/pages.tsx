/** Which page an address shows. */
import type { ComponentType } from 'preact';
import { DeadLettersPage } from '../dead-letters/page.tsx';
import { EventsPage } from '../events/page.tsx';
import { NetworkPage } from '../network/page.tsx';
import { StationPage } from '../station/page.tsx';
import { StationsPage } from '../stations/page.tsx';
import { TokensPage } from '../tokens/page.tsx';
import { TransactionsPage } from '../transactions/page.tsx';
import type { TEXTS } from '../texts.ts';
import type { Place } from './router.ts';

export type PageName = keyof typeof TEXTS.pages;

/** In the order of the navigation. */
export const PAGES: readonly PageName[] = [
  'network',
  'stations',
  'transactions',
  'tokens',
  'dead-letters',
  'events',
];

const COMPONENTS: Partial<Record<PageName, ComponentType<{ place: Place }>>> = {
  network: NetworkPage,
  stations: ({ place }) => {
    const [, id] = place.parts;
    return id === undefined ? <StationsPage place={place} /> : <StationPage key={id} id={id} />;
  },
  transactions: TransactionsPage,
  tokens: TokensPage,
  'dead-letters': DeadLettersPage,
  events: EventsPage,
};

export function pageOf({ parts: [first] }: Place): PageName | undefined {
  return first === undefined ? 'network' : PAGES.find((name) => name === first);
}

export const componentOf = (name: PageName): ComponentType<{ place: Place }> | undefined => COMPONENTS[name];
