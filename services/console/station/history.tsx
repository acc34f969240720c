/** The last events and bills of a station, and where all of them are. */
import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { ApiProblem, api, read } from '../api/client.ts';
import { listen, type NetworkEvent } from '../api/events.ts';
import { usePolled } from '../api/polled.ts';
import { energy } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { Time } from '../parts/time.tsx';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { Scrolls, Section } from './facts.tsx';
import { useAfterEvents } from './station.ts';

const WORDS = TEXTS.station.history;
const EVENTS = 12;
const BILLS = 8;
/** How far back is looked for a few events; the stream of all stations has no index. ms */
const HOUR = 3_600_000;
const BACK = [HOUR, 24 * HOUR, undefined] as const;
const MOST_PAGES = 20;

export function History({ id }: { readonly id: string }) {
  return (
    <div class="station-halves">
      <Events id={id} />
      <Bills id={id} />
    </div>
  );
}

function Events({ id }: { readonly id: string }) {
  const before = usePolled((signal) => readEvents(id, signal), 0, [id]);
  const live = useSignal<readonly NetworkEvent[]>([]);
  useEffect(
    () =>
      listen({
        onEvents(events) {
          const own = events.filter(({ station }) => station === id);
          if (own.length > 0) live.value = [...own.toReversed(), ...live.peek()].slice(0, EVENTS);
        },
        onGap: before.refresh,
      }),
    [id],
  );
  const known = new Map([...live.value, ...(before.value.value ?? [])].map((one) => [one.id, one]));
  const shown = [...known.values()].toSorted((a, b) => (a.at < b.at ? 1 : -1)).slice(0, EVENTS);
  return (
    <Section title={WORDS.events} tools={<a href={linkTo(['events'], { station: id })}>{WORDS.allEvents}</a>}>
      <Problem of={before.problem.value} onRetry={before.refresh} />
      {shown.length === 0 && (
        <p class="quiet">{before.at.value === undefined ? TEXTS.loading : WORDS.noEvents}</p>
      )}
      {shown.length > 0 && (
        <Scrolls label={WORDS.events}>
          <table class="station-table">
            <thead>
              <tr>
                <th scope="col">{WORDS.when}</th>
                <th scope="col">{WORDS.event}</th>
                <th scope="col">{WORDS.facts}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ id: key, at, type, fields }) => (
                <tr key={key}>
                  <td>
                    <Time at={at} isShort />
                  </td>
                  <td>{type}</td>
                  <td class="station-cut">{wordsOf(fields)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolls>
      )}
    </Section>
  );
}

const wordsOf = (fields: NetworkEvent['fields']): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name} ${value}`)
    .join(' · ');

/** The newest events, from the last hour, or from longer ago where that has none. */
async function readEvents(station: string, signal: AbortSignal): Promise<readonly NetworkEvent[]> {
  for (const back of BACK) {
    // An id begins with its time.
    const after = back === undefined ? undefined : `${Date.now() - back}-0`;
    try {
      const found = await newestAfter(station, after, signal);
      if (found.length >= EVENTS || back === undefined) return found;
      if (found.length > 0 && back !== HOUR) return found;
    } catch (error) {
      // So long ago is not kept: the oldest that is kept is near.
      if (!(error instanceof ApiProblem && error.code === 'events-lost')) throw error;
    }
  }
  return [];
}

async function newestAfter(
  station: string,
  from: string | undefined,
  signal: AbortSignal,
): Promise<readonly NetworkEvent[]> {
  let newest: readonly NetworkEvent[] = [];
  let after = from;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query = { station, limit: 1000, ...(after !== undefined && { after }) };
    const { items, next } = await read(api.GET('/v1/events', { params: { query }, signal }));
    newest = [...newest, ...items].slice(-EVENTS);
    // A page may have none of this station, and others may follow.
    if (next === undefined || next === after) break;
    after = next;
  }
  return newest;
}

function Bills({ id }: { readonly id: string }) {
  const query = { station: id, state: 'closed' as const, limit: BILLS };
  const bills = usePolled(
    (signal) => read(api.GET('/v1/transactions', { params: { query }, signal })),
    60_000,
    [id],
  );
  useAfterEvents(id, (type) => /^(?:transaction-(?:stopped|abandoned)|bill)/.test(type), bills.refresh);
  const items = bills.value.value?.items;
  return (
    <Section
      title={WORDS.bills}
      tools={<a href={linkTo(['transactions'], { state: 'closed', station: id })}>{WORDS.allBills}</a>}
    >
      <Problem of={bills.problem.value} onRetry={bills.refresh} />
      {items?.length === 0 && <p class="quiet">{WORDS.noBills}</p>}
      {items === undefined && bills.problem.value === undefined && <p class="quiet">{TEXTS.loading}</p>}
      {items !== undefined && items.length > 0 && (
        <Scrolls label={WORDS.bills}>
          <table class="station-table">
            <thead>
              <tr>
                <th scope="col">{TEXTS.station.charging.facts.stopped}</th>
                <th scope="col">{WORDS.transaction}</th>
                <th scope="col" class="number">
                  {WORDS.energy}
                </th>
                <th scope="col">{WORDS.reason}</th>
              </tr>
            </thead>
            <tbody>
              {items.map(({ billId, transaction, stoppedAt, energy: amount, reason }) => (
                <tr key={billId ?? transaction}>
                  <td>
                    <Time at={stoppedAt} />
                  </td>
                  <td class="station-cut">
                    <a href={linkTo(['transactions', id, transaction])}>{transaction}</a>
                  </td>
                  <td class="number">{energy(amount)}</td>
                  <td>{reason ?? TEXTS.unknown}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolls>
      )}
    </Section>
  );
}
