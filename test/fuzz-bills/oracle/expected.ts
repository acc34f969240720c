/** What a careful human would bill of what a station said and was answered. */
import type { Energy } from './values.ts';

export interface Expected {
  /** What the entry may have as its transaction id. */
  ids: readonly string[];
  /** Each of these is right; undefined is an entry without energy. */
  energies: readonly (Energy | undefined)[];
  /** Whether the transaction has to stand in a report, may, or must not. */
  report: 'must' | 'may' | 'no';
  /** It has to be reported while the station goes on, not a week later. */
  atOnce?: boolean;
  /** No entry is right too. */
  optional?: boolean;
  /** No entry is right too when this stop ended that bill. */
  unless?: Expected;
  /** What the entry must say where the station did. */
  readonly tag: string | undefined;
  readonly place: string | undefined;
}

export interface Reckoning {
  readonly bills: readonly Expected[];
  /** Answers that no station should get, with the transaction that they concern. */
  readonly faults: readonly Fault[];
}

export interface Fault {
  readonly id: string | undefined;
  readonly what: string;
}

/** Of the two, the stricter call for a report. */
export function graver(one: Expected['report'], other: Expected['report']): Expected['report'] {
  const order = ['no', 'may', 'must'] as const;
  return order[Math.max(order.indexOf(one), order.indexOf(other))] ?? 'must';
}

/** What can be said of the energy between a start and an end. */
export interface Judged {
  readonly energies: readonly (Energy | undefined)[];
  readonly report: Expected['report'];
}

export type Told =
  | { readonly said: 'energy'; readonly energy: Energy }
  | { readonly said: 'unit' | 'value' | 'nothing' };

/**
 * @param start first register of the session
 * @param stop last register, as the end says it
 * @param between registers of the session before its end, in the order of arrival
 * @param mayBeSilent whether an end without register is allowed (2.x)
 */
export function energyOf(start: Told, stop: Told, between: readonly Told[], mayBeSilent: boolean): Judged {
  if (start.said !== 'energy')
    return { energies: [undefined], report: start.said === 'nothing' ? 'may' : 'must' };
  if (start.energy < 0n) return { energies: [undefined], report: 'must' };
  const known = between.flatMap((one) =>
    one.said === 'energy' && one.energy >= start.energy ? [one.energy] : [],
  );
  const last = known.map((energy) => energy - start.energy);
  const broken = (between.at(-1)?.said ?? 'energy') !== 'energy';
  switch (stop.said) {
    case 'energy':
      if (stop.energy >= start.energy)
        return {
          energies: [stop.energy - start.energy],
          report: between.some(({ said }) => said !== 'energy') ? 'may' : 'no',
        };
      return { energies: known.length === 0 ? [undefined] : [greatest(last), undefined], report: 'must' };
    case 'unit':
      return { energies: [undefined], report: 'must' };
    case 'value':
      return {
        energies: [undefined, ...last.slice(-1), ...last.slice(-1).map(() => greatest(last))],
        report: 'must',
      };
    default:
      // Missing is not zero: where nothing but the start is known, a person has to look.
      if (known.length === 0) return { energies: [undefined, 0n], report: 'must' };
      // One that is older than the last that could be read is of no matter.
      if (broken) return { energies: [undefined, greatest(last)], report: mayBeSilent ? 'may' : 'must' };
      return { energies: [greatest(last)], report: mayBeSilent ? 'may' : 'must' };
  }
}

/** A register never falls: of what was said, the greatest counts. */
function greatest(energies: readonly Energy[]): Energy | undefined {
  return energies.reduce<Energy | undefined>(
    (most, one) => (most === undefined || one > most ? one : most),
    undefined,
  );
}
