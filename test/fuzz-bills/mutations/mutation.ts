/** What firmware does to a history, and the means to do it. */
import type { Protocol } from '../../../services/ocpp/frame.ts';
import type { Chance } from '../../chaos/random.ts';
import { type Draft, isObject, isSay, type Json, type JsonObject, type Role, type Say } from '../draft.ts';

/**
 * The kinds of sloppiness that the design names; `once` is what every station does: it sends again what was confirmed,
 * or what was not.
 */
export const KINDS = [
  ...(['A', 'B', 'B′', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'J′', 'K', 'L', 'M', 'M′'] as const),
  ...(['O', 'Q', 'once'] as const),
];
export type Kind = (typeof KINDS)[number];

export interface Mutation {
  readonly name: string;
  readonly kind: Kind;
  /** 1.6, 2.x, or both where left out. */
  readonly of?: '1.6' | '2.x';
  /** Whether a careful human reads the true energy of every session all the same, when nothing else is odd. */
  readonly lossless?: true;
  /** Changes the history. @returns false when it has nothing that can be changed so */
  apply(draft: Draft, chance: Chance): boolean;
}

/** A text of a payload; undefined for what is none. */
export const textIn = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

export const is16 = ({ protocol }: { readonly protocol: Protocol }): boolean => protocol === 'ocpp1.6';

export function saysOf(draft: Draft, ...roles: Role[]): Say[] {
  return draft.steps.filter(isSay).filter(({ role }) => roles.length === 0 || roles.includes(role));
}

/** Some of a list: one, or all. */
export function some<T>(list: readonly T[], chance: Chance): readonly T[] {
  if (list.length === 0) return [];
  return chance.happens(0.5) ? [chance.one(list)] : list;
}

/** One object of the payload at any depth, with what it is part of. */
export interface Place {
  readonly holder: JsonObject;
  readonly name: string;
}

/** Every place of this name in a payload, or in the part under it. */
export function places(value: Json, name: string): Place[] {
  if (Array.isArray(value)) return value.flatMap((part: Json) => places(part, name));
  if (!isObject(value)) return [];
  const here = value[name] === undefined ? [] : [{ holder: value, name }];
  return [...here, ...Object.values(value).flatMap((part) => places(part, name))];
}

/** Puts another value in a place. @param change undefined leaves the field out */
export function alter({ holder, name }: Place, change: (value: Json) => Json | undefined): void {
  const before = holder[name];
  if (before === undefined) return;
  const after = change(before);
  if (after === undefined) delete holder[name];
  else holder[name] = after;
}

/** Changes one place, or every one, of those that `choose` finds. */
export function changing(
  choose: (draft: Draft) => readonly Place[],
  change: (value: Json, chance: Chance) => Json | undefined,
): Mutation['apply'] {
  return (draft, chance) => {
    const found = some(choose(draft), chance);
    for (const place of found) alter(place, (value) => change(value, chance));
    return found.length > 0;
  };
}

/** Samples of the energy register. */
export function energySamples(say: Say): JsonObject[] {
  return [...places(say.payload, 'meterValue'), ...places(say.payload, 'transactionData')]
    .flatMap(({ holder, name }) => places(holder[name] ?? null, 'sampledValue'))
    .flatMap(({ holder }) => holder['sampledValue'])
    .flat()
    .filter(isObject)
    .filter(
      (sample) =>
        (sample['measurand'] ?? 'Energy.Active.Import.Register') === 'Energy.Active.Import.Register',
    );
}

export function inEnergy(name: string, ...roles: Role[]): (draft: Draft) => Place[] {
  return (draft) =>
    saysOf(draft, ...roles)
      .flatMap(energySamples)
      .filter((sample) => sample[name] !== undefined)
      .map((holder) => ({ holder, name }));
}

export function inPayload(name: string, ...roles: Role[]): (draft: Draft) => Place[] {
  return (draft) => saysOf(draft, ...roles).flatMap(({ payload }) => places(payload, name));
}
