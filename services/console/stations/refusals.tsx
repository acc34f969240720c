/** Stations that do not get in: refused handshakes of the last day, why, and what to do. */
import { useMemo, useState } from 'preact/hooks';
import { api, read, type Schemas } from '../api/client.ts';
import { type Polled, usePolled } from '../api/polled.ts';
import { Facts } from '../parts/facts.tsx';
import { count, when } from '../parts/format.ts';
import { Panel } from '../parts/panel.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table, TIME_WIDTH } from '../parts/table.tsx';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import type { Row } from './rows.ts';

type Refusal = Schemas['RefusedHandshake'];

/** A handshake, or a boot that is answered with Rejected: that one was not counted. */
type Refused = Pick<Refusal, 'identity' | 'known' | 'code' | 'reason' | 'advice' | 'last'> & Partial<Refusal>;

const WORDS = TEXTS.stations.refusals;

/** Between readings; ms. */
const EVERY = 5000;

export const useRefusals = (): Polled<Schemas['RefusedHandshakeList']> =>
  usePolled((signal) => read(api.GET('/v1/refusals', { signal })), EVERY, []);

const keyOf = ({ identity, code }: Refused): string => `${code}\n${identity}`;

const columnsWith = (open: (one: Refused) => void): readonly Column<Refused>[] => [
  {
    name: 'identity',
    title: TEXTS.stations.columns.id,
    render: (one) => (
      <button type="button" class="link" onClick={() => open(one)}>
        {one.identity === '' ? WORDS.noIdentity : one.identity}
      </button>
    ),
  },
  {
    name: 'code',
    title: WORDS.code,
    width: '12rem',
    render: ({ code }) => <span class="badge refused">{code}</span>,
  },
  { name: 'reason', title: WORDS.reason, isMinor: true, render: ({ reason }) => reason.slice(0, 300) },
  { name: 'advice', title: WORDS.advice, isMinor: true, render: ({ advice }) => advice },
  {
    name: 'count',
    title: WORDS.count,
    width: '5.5rem',
    isMinor: true,
    isNumber: true,
    render: (one) => count(one.count),
  },
  { name: 'last', title: WORDS.last, width: TIME_WIDTH, isMinor: true, render: ({ last }) => when(last) },
];

export interface RefusalsProps {
  readonly found: ReturnType<typeof useRefusals>;
  /** Stations whose registration is Rejected. */
  readonly rejected: readonly Row[];
  /** Words that an identity, reason or address must have. */
  readonly search: string;
}

export function Refusals({ found, rejected, search }: RefusalsProps) {
  const [open, setOpen] = useState<string | undefined>(undefined);
  const handshakes = found.value.value?.items;
  const items = useMemo(
    () => handshakes && [...handshakes, ...rejected.map(ofRegistration)],
    [handshakes, rejected],
  );
  const rows = useMemo(() => matching(items ?? [], search), [items, search]);
  // As it was read last: its count goes on.
  const shown = items?.find((one) => keyOf(one) === open);
  return (
    <>
      <p class="quiet" role="status">
        {items === undefined ? TEXTS.loading : WORDS.shown(count(rows.length))}
      </p>
      <Problem of={found.problem.value} />
      <div class="split">
        <Table
          label={TEXTS.stations.states.refused}
          columns={columnsWith((one) => setOpen(keyOf(one)))}
          rows={rows}
          keyOf={keyOf}
          empty={items === undefined ? TEXTS.loading : search === '' ? WORDS.none : TEXTS.stations.noMatch}
        />
        {shown !== undefined && (
          <Panel key={open} title={WORDS.title} onClose={() => setOpen(undefined)}>
            <p class="notice">{shown.advice}</p>
            <Facts of={factsOf(shown)} />
          </Panel>
        )}
      </div>
    </>
  );
}

const ofRegistration = ({ id, since }: Row): Refused => ({
  identity: id,
  known: true,
  code: WORDS.rejected.code,
  reason: WORDS.rejected.reason,
  advice: WORDS.rejected.advice,
  last: since,
});

function factsOf(one: Refused) {
  const { identity, known, code, status, reason, remoteAddress, listener, first, last } = one;
  return [
    [TEXTS.stations.columns.id, known ? <a href={linkTo(['stations', identity])}>{identity}</a> : identity],
    [WORDS.known, known ? WORDS.isKnown : WORDS.isUnknown],
    [WORDS.code, code],
    [WORDS.reason, reason],
    [WORDS.status, status],
    [WORDS.address, remoteAddress],
    [WORDS.listener, listener],
    [WORDS.count, one.count !== undefined && count(one.count)],
    [WORDS.first, first !== undefined && when(first)],
    [WORDS.last, when(last)],
  ] as const;
}

function matching(items: readonly Refused[], search: string): readonly Refused[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return items.filter(({ identity, code, reason, remoteAddress = '' }) => {
    const text = [identity, code, reason, remoteAddress].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
