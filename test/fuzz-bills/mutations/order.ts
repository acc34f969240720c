/** Kinds B, B′, O and Q, and repetitions: messages that are lost, sent again, out of order, or counted from 0. */
import type { Chance } from '../../chaos/random.ts';
import { copyOf, type Draft, isSay, type Role, type Say } from '../draft.ts';
import { say } from '../sessions.ts';
import { is16, type Mutation, places, saysOf } from './mutation.ts';

function lose(...roles: Role[]): Mutation['apply'] {
  return (draft, chance) => {
    const found = saysOf(draft, ...roles);
    if (found.length === 0) return false;
    const lost = chance.one(found);
    draft.steps = draft.steps.filter((step) => step !== lost);
    return true;
  };
}

/** @param place index of the copy in the steps, given the index of the original */
function again(place: (original: number, draft: Draft) => number, reconnects: boolean): Mutation['apply'] {
  return (draft, chance) => {
    const found = saysOf(draft, 'start', 'meter', 'stop');
    if (found.length === 0) return false;
    const original = chance.one(found);
    const index = place(draft.steps.indexOf(original), draft);
    const at = draft.steps[index - 1]?.at ?? original.at;
    const repeated = { ...copyOf(original), at: at + 2000 };
    draft.steps.splice(
      index,
      0,
      ...(reconnects ? [{ kind: 'reconnect' as const, at: at + 1000 }] : []),
      repeated,
    );
    // The same message id, which the player would number otherwise.
    if (chance.happens(0.5)) original.messageId = repeated.messageId = `again-${chance.between(1, 999_999)}`;
    return true;
  };
}

/** Two messages of one session, one after the other, change places. */
function swap(...roles: Role[]): Mutation['apply'] {
  return (draft, chance) => {
    const pairs = draft.steps.flatMap((step, i) => {
      const next = draft.steps.findIndex(
        (other, j) => j > i && isSay(other) && isSay(step) && other.session === step.session,
      );
      return isSay(step) && roles.includes(step.role) && next > 0 ? [[i, next] as const] : [];
    });
    if (pairs.length === 0) return false;
    const [i, j] = chance.one(pairs);
    const [one, other] = [draft.steps[i], draft.steps[j]];
    if (one === undefined || other === undefined) return false;
    [one.at, other.at] = [other.at, one.at];
    [draft.steps[i], draft.steps[j]] = [other, one];
    return true;
  };
}

function bootBefore(draft: Draft, next: Say): void {
  const model = is16(draft)
    ? { chargePointVendor: 'Acme', chargePointModel: 'AC-1' }
    : { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'DC-9' } };
  const at = next.at - 500;
  const boot = { ...say('other', -1, 'BootNotification', model, at), at };
  draft.steps.splice(draft.steps.indexOf(next), 0, { kind: 'reconnect', at: next.at - 600 }, boot);
}

function events(draft: Draft): Say[] {
  return saysOf(draft, 'start', 'meter', 'stop');
}

/** After a reboot within a session the numbers begin with 0. */
function restart(draft: Draft, chance: Chance): boolean {
  const later = events(draft).filter(({ role }) => role !== 'start');
  if (later.length === 0) return false;
  const first = chance.one(later);
  let next = 0;
  for (const say of events(draft).slice(events(draft).indexOf(first))) say.payload['seqNo'] = next++;
  bootBefore(draft, first);
  return true;
}

function sameId(draft: Draft): boolean {
  const starts = saysOf(draft, 'start');
  if (starts.length < 2 || draft.sessions.some(({ connector }) => connector !== 1)) return false;
  const numbers = new Map<number, number>();
  for (const say of events(draft)) {
    const number = numbers.get(say.session) ?? 0;
    numbers.set(say.session, number + 1);
    say.payload['seqNo'] = number;
    for (const { holder, name } of places(say.payload, 'transactionId')) holder[name] = '1';
  }
  for (const start of starts.slice(1)) bootBefore(draft, start);
  return true;
}

export const ORDER: readonly Mutation[] = [
  { name: 'seqNo begins with 0 after a reboot', kind: 'B', of: '2.x', lossless: true, apply: restart },
  {
    name: 'seqNo stands still',
    kind: 'B',
    of: '2.x',
    lossless: true,
    apply(draft) {
      for (const say of events(draft)) say.payload['seqNo'] = 0;
      return true;
    },
  },
  {
    name: 'a transaction id is used again after a reboot',
    kind: 'B′',
    of: '2.x',
    lossless: true,
    apply: sameId,
  },
  { name: 'a start is lost', kind: 'A', of: '1.6', apply: lose('start') },
  { name: 'a stop is lost', kind: 'Q', of: '1.6', apply: lose('stop') },
  { name: 'a Started is lost', kind: 'O', of: '2.x', apply: lose('start') },
  { name: 'an Updated is lost', kind: 'O', of: '2.x', apply: lose('meter') },
  { name: 'an Ended is lost', kind: 'L', of: '2.x', apply: lose('stop') },
  { name: 'meter values are lost', kind: 'O', of: '1.6', lossless: true, apply: lose('meter') },
  { name: 'two events change places', kind: 'O', of: '2.x', lossless: true, apply: swap('start', 'meter') },
  { name: 'meter values come after their stop', kind: 'O', of: '1.6', lossless: true, apply: swap('meter') },
  { name: 'a message comes twice', kind: 'once', lossless: true, apply: again((i) => i + 1, false) },
  {
    name: 'a message is sent again on a new connection',
    kind: 'once',
    lossless: true,
    apply: again((i) => i + 1, true),
  },
  {
    name: 'a message is sent again two messages later',
    kind: 'once',
    apply: again((i, { steps }) => Math.min(i + 3, steps.length), true),
  },
  {
    name: 'a message is sent again at the end',
    kind: 'once',
    apply: again((_, { steps }) => steps.length, true),
  },
];
