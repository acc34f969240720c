/** Kinds A, D and L: transaction ids of 1.6 that the CSMS never gave, and stops that lack an id or a meter. */
import type { Chance } from '../../chaos/random.ts';
import { type Draft, GivenId, type Json, Literal, type Role, type Say } from '../draft.ts';
import { alter, inPayload, type Mutation, places, saysOf } from './mutation.ts';

const LOCAL: readonly (() => Json)[] = [
  () => 12_345,
  () => -1,
  () => 0,
  () => 65_535,
  () => -2_147_483_648,
  () => new Literal('9007199254740993'),
  () => '18446744073709551615',
];

/** The station authorizes by itself: no start is ever sent, or none is confirmed. */
function withoutStarts(draft: Draft, chance: Chance): boolean {
  const counts = chance.happens(0.4);
  const id = chance.one(LOCAL);
  draft.steps = draft.steps.filter((step) => step.kind !== 'say' || step.role !== 'start');
  for (const say of saysOf(draft)) setId(say, () => (counts ? say.session + 1 : id()));
  return true;
}

function setId(say: Say, id: () => Json | undefined): void {
  for (const place of places(say.payload, 'transactionId')) alter(place, id);
}

/** A meter that does not move: stops that differ in their time alone. */
function withoutEnergy(draft: Draft, chance: Chance): boolean {
  const [first] = draft.sessions;
  if (first === undefined || !withoutStarts(draft, chance)) return false;
  for (const say of saysOf(draft, 'stop')) {
    say.payload['meterStop'] = first.start;
    delete say.payload['transactionData'];
  }
  return true;
}

/** The id of one stop, or of every one. */
function stopId(id: (chance: Chance) => Json | undefined, tag = 0.8): Mutation['apply'] {
  return (draft, chance) => {
    const stops = saysOf(draft, 'stop');
    if (stops.length === 0) return false;
    for (const say of chance.happens(0.5) ? [chance.one(stops)] : stops) {
      setId(say, () => id(chance));
      const session = draft.sessions[say.session];
      if (session !== undefined && chance.happens(tag)) say.payload['idTag'] = session.tag;
    }
    return true;
  };
}

function without(name: string, role: Role = 'stop'): Mutation['apply'] {
  return (draft, chance) => {
    const found = inPayload(name, role)(draft);
    if (found.length === 0) return false;
    alter(chance.one(found), () => (chance.happens(0.5) ? null : undefined));
    return true;
  };
}

export const IDS: readonly Mutation[] = [
  { name: 'free mode: no start, ids of its own', kind: 'A', of: '1.6', apply: withoutStarts },
  { name: 'free mode: a meter that does not move', kind: 'A', of: '1.6', apply: withoutEnergy },
  {
    name: 'a stop with an id of its own',
    kind: 'A',
    of: '1.6',
    apply: stopId((chance) => chance.one(LOCAL.slice(3))(), 0.5),
  },
  {
    name: 'ids in 16 bits',
    kind: 'A',
    of: '1.6',
    apply(draft) {
      for (const say of saysOf(draft, 'stop'))
        setId(say, () => new GivenId(say.session, (id) => id & 0xffff));
      return true;
    },
  },
  { name: 'a stop without id', kind: 'D', of: '1.6', apply: without('transactionId') },
  { name: 'a stop without meter', kind: 'D', of: '1.6', apply: without('meterStop') },
  {
    name: 'a start without connector',
    kind: 'D',
    of: '1.6',
    lossless: true,
    apply: without('connectorId', 'start'),
  },
  { name: 'a start without token', kind: 'D', of: '1.6', lossless: true, apply: without('idTag', 'start') },
  { name: 'a start without meter', kind: 'D', of: '1.6', apply: without('meterStart', 'start') },
  {
    name: 'a stop says -1 after its start',
    kind: 'L',
    of: '1.6',
    apply: stopId((chance) => chance.one([-1, -1, 0])),
  },
];
