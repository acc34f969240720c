/** Which transactions a list shows, and how events change it. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiProblem, api, read, type Schemas } from '../api/client.ts';
import { listen, type NetworkEvent } from '../api/events.ts';
import type { CsvColumn } from '../parts/csv.ts';
import { isDoubtful } from './doubtful.ts';
import type { PagedList, ReadPage } from '../parts/paged-list.ts';

export type Transaction = Schemas['Transaction'];

export interface Filter {
  readonly state: 'open' | 'closed';
  readonly station: string;
  readonly token: string;
  /** Id of a transaction. */
  readonly id: string;
  /** '' for all. */
  readonly kind: string;
  /** Only those that need a manual check. */
  readonly isDoubtful: boolean;
}

export const KINDS = ['final', 'abandoned', 'correction'] as const;

export function filterOf(query: ReadonlyMap<string, string>): Filter {
  const text = (name: string) => query.get(name) ?? '';
  return {
    state: text('state') === 'closed' ? 'closed' : 'open',
    station: text('station'),
    token: text('token'),
    id: text('id'),
    kind: KINDS.find((one) => one === text('kind')) ?? '',
    isDoubtful: text('notes') === 'doubtful',
  };
}

export const queryOf = ({ state, station, token, id, kind, isDoubtful: only }: Filter) => ({
  state: state === 'closed' ? state : '',
  station,
  token,
  id,
  kind: state === 'closed' ? kind : '',
  notes: only ? 'doubtful' : '',
});

/** What the API filters. */
export function pagesOf({ state, station, token }: Filter): ReadPage<Transaction> {
  const filter = { state, ...(station !== '' && { station }), ...(token !== '' && { token }) };
  return (page, over) =>
    read(api.GET('/v1/transactions', { params: { query: { ...filter, ...page } }, signal: over }));
}

/** What the page filters. */
export const isWanted =
  ({ id, kind, isDoubtful: only }: Filter) =>
  (one: Transaction): boolean =>
    (id === '' || one.transaction.toLowerCase().includes(id.toLowerCase())) &&
    (kind === '' || one.kind === kind) &&
    (!only || isDoubtful(one));

/** A transaction has several bills after a correction. */
export const keyOf = ({ station, transaction, billId = '' }: Transaction): string =>
  `${station}\n${transaction}\n${billId}`;

export const readOne = (station: string, transaction: string, over?: AbortSignal): Promise<Transaction> =>
  read(
    api.GET('/v1/stations/{station}/transactions/{transaction}', {
      params: { path: { station, transaction } },
      ...(over !== undefined && { signal: over }),
    }),
  );

/** Transactions that are read at once after events; with more of them the list says that it is out of date. */
const AT_ONCE = 20;

const CHANGES: Readonly<Record<Filter['state'], readonly string[]>> = {
  open: ['transaction-started', 'transaction-stopped', 'transaction-abandoned'],
  closed: ['transaction-stopped', 'transaction-abandoned', 'bill-corrected'],
};

/** Whether the list misses something. */
export const isStale = signal(false);

/** Follows the events of a list while it is shown. */
export function useLive(list: PagedList<Transaction>, filter: Filter): void {
  const { state, station, token } = filter;
  useEffect(() => {
    isStale.value = false;
    let pending = 0;
    const take = async ({ type, station: of, fields }: NetworkEvent) => {
      const id = fields['transactionId'] ?? '';
      if (state === 'open' && type !== 'transaction-started')
        return list.change((items) => items.filter((one) => one.station !== of || one.transaction !== id));
      if (pending >= AT_ONCE) return void (isStale.value = true);
      pending++;
      try {
        const found = await readOne(of, id);
        if (found.state !== state || (token !== '' && found.token?.toLowerCase() !== token.toLowerCase()))
          return;
        list.change((items) => merged(items, found));
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.status !== 404) isStale.value = true;
      } finally {
        pending--;
      }
    };
    return listen({
      onEvents(events) {
        const wanted = events.filter(
          ({ type, station: of }) => CHANGES[state].includes(type) && (station === '' || of === station),
        );
        for (const one of wanted) void take(one);
      },
      onGap: () => void (isStale.value = true),
    });
  }, [state, station, token]);
}

/** The open ones begin with the longest running, bills with the newest. */
export function merged(items: readonly Transaction[], one: Transaction): readonly Transaction[] {
  const others = items.filter((item) => keyOf(item) !== keyOf(one));
  return one.state === 'open' ? [...others, one] : [one, ...others];
}

/** Columns of the CSV. Numbers are the exact decimals of the API; energy and registers are in Wh. */
export const CSV: readonly CsvColumn<Transaction>[] = (
  [
    'state',
    'station',
    'transaction',
    'protocol',
    'connector',
    'evse',
    'token',
    'authorization',
    'startedAt',
    'stoppedAt',
    'meterStart',
    'meterStop',
    'lastMeter',
    'lastMeterAt',
    'energy',
    'reason',
    'billId',
    'kind',
    'supersedes',
    'correctedBy',
    'correctedBecause',
    'chargingState',
    'remoteStartId',
    'reservationId',
    'gaps',
    'heardAt',
    'recordedAt',
  ] as const
)
  .map((name): CsvColumn<Transaction> => ({ name, of: (one) => one[name] }))
  .concat({ name: 'notes', of: ({ notes = [] }) => notes.join(' ') });
