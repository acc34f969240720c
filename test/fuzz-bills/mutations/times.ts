/** Kinds E and M: times in other forms, times that cannot be read, and clocks that are wrong. */
import type { Chance } from '../../chaos/random.ts';
import { type Draft, isSay, type Json } from '../draft.ts';
import { BEGIN, iso } from '../sessions.ts';
import { alter, changing, inPayload, type Mutation, type Place, places, saysOf, textIn } from './mutation.ts';

const HOUR = 3_600_000;
const CANONICAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** Places of the times that are still as the generator wrote them. */
function times(draft: Draft): Place[] {
  return inPayload(
    'timestamp',
    'start',
    'meter',
    'stop',
  )(draft).filter(({ holder, name }) => isCanonical(holder[name]));
}

function isCanonical(value: Json | undefined): value is string {
  return typeof value === 'string' && CANONICAL.test(value) && !Number.isNaN(Date.parse(value));
}

const FORMS: readonly ((ms: number) => string)[] = [
  (ms) => iso(ms).replace(/:\d\dZ$/, 'Z'),
  (ms) => iso(ms).replace(/[-:]/g, ''),
  (ms) => iso(ms).replace(/[-:]/g, '').replace('Z', '+0000'),
  (ms) => iso(ms).replace(/:\d\dZ$/, ':60Z'),
  (ms) => iso(ms + 3 * HOUR).replace('Z', '+03'),
  (ms) => iso(ms - 5 * HOUR).replace('Z', '-0500'),
  (ms) => iso(ms + 1.5 * HOUR).replace('Z', '+01:30'),
  (ms) => iso(ms).replace('Z', ''),
  (ms) => iso(ms).replace('T', ' '),
  (ms) => iso(ms).replace('Z', '.123456789Z'),
  (ms) => iso(ms).replace('Z', ',5Z'),
  (ms) => iso(ms).toLowerCase(),
];

const UNREADABLE: readonly (() => Json | undefined)[] = [
  () => '',
  () => null,
  () => undefined,
  () => 'yesterday',
  () => '0000-00-00T00:00:00Z',
  () => '2026-13-41T25:61:00Z',
];

/** From one message on, the clock says something else. */
function clock(rewrite: (ms: number, since: number) => number): Mutation['apply'] {
  return (draft, chance) => {
    const says = saysOf(draft, 'start', 'meter', 'stop');
    const first = chance.happens(0.3) ? says[0] : chance.one(says);
    if (first === undefined) return false;
    const since = Date.parse(textIn(first.payload['timestamp']) ?? iso(first.at));
    if (Number.isNaN(since)) return false;
    for (const step of draft.steps.slice(draft.steps.indexOf(first)).filter(isSay)) {
      for (const place of places(step.payload, 'timestamp')) {
        alter(place, (value) => (isCanonical(value) ? iso(rewrite(Date.parse(value), since)) : value));
      }
    }
    return true;
  };
}

/** All times of the history move, so that one of them is midnight, which is written as hour 24. */
function hour24(draft: Draft, chance: Chance): boolean {
  const found = times(draft);
  if (found.length !== inPayload('timestamp', 'start', 'meter', 'stop')(draft).length || found.length === 0)
    return false;
  const chosen = chance.one(found);
  const moment = (place: Place) => Date.parse(textIn(place.holder[place.name]) ?? '');
  // A clock that is wrong is so by more than a shift.
  if (found.some((place) => Math.abs(moment(place) - BEGIN) > 24 * HOUR)) return false;
  const midnight = Date.UTC(2026, 10, 29);
  const shift = midnight - moment(chosen);
  for (const place of found) {
    const ms = moment(place) + shift;
    alter(place, () => (place === chosen ? '2026-11-28T24:00:00Z' : iso(ms)));
  }
  for (const step of draft.steps) step.at += shift;
  return true;
}

/** The car takes nothing, the clock stands still, the card is the same: each start says what the one before it said. */
function sameFacts(draft: Draft): boolean {
  const [first] = draft.sessions;
  const says = saysOf(draft, 'start', 'stop');
  if (first === undefined || draft.sessions.length < 2) return false;
  draft.steps = draft.steps.filter((step) => !isSay(step) || step.role !== 'meter');
  const { connector, tag, start } = first;
  draft.sessions = draft.sessions.map(() => ({ connector, tag, start, stop: start }));
  for (const { payload } of says) {
    payload['timestamp'] = iso(BEGIN);
    delete payload['transactionData'];
    for (const name of ['meterStart', 'meterStop']) if (payload[name] !== undefined) payload[name] = start;
    if (payload['idTag'] !== undefined) payload['idTag'] = tag;
  }
  return true;
}

export const TIMES: readonly Mutation[] = [
  {
    name: 'a time in another form',
    kind: 'E',
    lossless: true,
    apply: changing(times, (value, chance) => chance.one(FORMS)(Date.parse(textIn(value) ?? ''))),
  },
  { name: 'hour 24', kind: 'E', lossless: true, apply: hour24 },
  {
    name: 'a time that cannot be read',
    kind: 'E',
    lossless: true,
    apply(draft, chance) {
      const found = times(draft);
      if (found.length === 0) return false;
      alter(chance.one(found), () => chance.one(UNREADABLE)());
      return true;
    },
  },
  { name: 'the clock stands still', kind: 'M', lossless: true, apply: clock((_, since) => since) },
  { name: 'the clock begins with 1970', kind: 'M', lossless: true, apply: clock((ms, since) => ms - since) },
  {
    name: 'the clock falls back by two hours',
    kind: 'M',
    lossless: true,
    apply: clock((ms) => ms - 2 * HOUR),
  },
  {
    name: 'a reading of 2038',
    kind: 'M',
    lossless: true,
    apply(draft, chance) {
      const found = saysOf(draft, 'meter').flatMap(({ payload }) => [places(payload, 'timestamp')]);
      if (found.length === 0) return false;
      for (const place of chance.one(found)) alter(place, () => iso(Date.UTC(2038, 0, 19, 3, 14, 7)));
      return true;
    },
  },
  {
    name: 'sessions without energy, under a clock that stands still',
    kind: 'M',
    of: '1.6',
    apply: sameFacts,
  },
];
