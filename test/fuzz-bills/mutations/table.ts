/** All mutations, and how a history gets some of them. */
import type { Chance } from '../../chaos/random.ts';
import type { Draft } from '../draft.ts';
import { truthfulHistory } from '../sessions.ts';
import { IDS } from './ids.ts';
import { METERS } from './meters.ts';
import { is16, type Mutation, saysOf } from './mutation.ts';
import { ORDER } from './order.ts';
import { SHAPES } from './shapes.ts';
import { TEXT } from './text.ts';
import { TIMES } from './times.ts';

export const MUTATIONS: readonly Mutation[] = [...IDS, ...ORDER, ...TEXT, ...TIMES, ...SHAPES, ...METERS];

/** Shares of histories with 0, 1, 2 and 3 mutations. */
const COUNTS = [0, 1, 1, 1, 1, 1, 2, 2, 2, 3] as const;

export interface History {
  readonly draft: Draft;
  readonly mutations: readonly Mutation[];
}

export function historyOf(chance: Chance): History {
  const draft = truthfulHistory(chance);
  const mutations: Mutation[] = [];
  const fitting = MUTATIONS.filter(({ of }) => of === undefined || (of === '1.6') === is16(draft));
  const kinds = [...new Set(fitting.map(({ kind }) => kind))];
  const repetitions: Mutation[] = [];
  for (let left = chance.one(COUNTS), tries = 0; left > 0 && tries < 20; tries++) {
    // By kind first: no kind gets more histories for having more mutations.
    const kind = chance.one(kinds);
    const mutation = chance.one(fitting.filter((one) => one.kind === kind));
    if (mutations.includes(mutation) || repetitions.includes(mutation)) continue;
    // All of it is lost: nothing is left to change.
    if (saysOf(draft, 'start', 'meter', 'stop').length === 0) break;
    if (kind === 'once') repetitions.push(mutation);
    else if (mutation.apply(draft, chance)) mutations.push(mutation);
    else continue;
    left--;
  }
  // What a station sends again is what it has sent, with all that is wrong with it.
  mutations.push(...repetitions.filter((repetition) => repetition.apply(draft, chance)));
  return { draft, mutations };
}
