/** How a station writes its energy register: the same habit in all of its messages. */
import type { Protocol } from '../../services/ocpp/frame.ts';
import type { Chance } from '../chaos/random.ts';
import type { Json, JsonObject } from './draft.ts';

export interface Habits {
  readonly protocol: Protocol;
  readonly style: 'Wh' | 'kWh' | 'multiplier' | 'default';
  /** Power beside energy, before it or after it. */
  readonly power: 'none' | 'before' | 'after';
  readonly measurand: boolean;
  readonly tagAtStop: boolean;
  /** 2.x */
  readonly registerAtEnd: boolean;
  readonly shortIds: boolean;
  readonly firstSeqNo: number;
}

export function habitsOf(protocol: Protocol, chance: Chance): Habits {
  const only16 = protocol === 'ocpp1.6';
  return {
    protocol,
    style: chance.one(only16 ? ['Wh', 'kWh', 'default'] : ['Wh', 'kWh', 'multiplier', 'default']),
    power: chance.one(['none', 'none', 'before', 'after']),
    measurand: chance.happens(0.7),
    tagAtStop: chance.happens(0.6),
    registerAtEnd: chance.happens(0.85),
    shortIds: chance.happens(0.3),
    firstSeqNo: chance.happens(0.8) ? 0 : chance.between(1, 1000),
  };
}

/** @param register Wh */
export function sampled(register: number, habits: Habits, context: string): Json[] {
  const { protocol, style, power, measurand } = habits;
  const energy: JsonObject = {
    context,
    ...(measurand && { measurand: 'Energy.Active.Import.Register' }),
    ...(protocol === 'ocpp1.6' ? sample16(register, style) : sample2(register, style)),
  };
  const beside: JsonObject =
    protocol === 'ocpp1.6'
      ? { value: '7200', measurand: 'Power.Active.Import', unit: 'W' }
      : { value: 7200, measurand: 'Power.Active.Import', unitOfMeasure: { unit: 'W' } };
  if (power === 'none') return [energy];
  return power === 'before' ? [beside, energy] : [energy, beside];
}

function sample16(register: number, style: Habits['style']): JsonObject {
  if (style === 'kWh') return { value: kilo(register), unit: 'kWh' };
  return { value: `${register}`, ...(style === 'Wh' && { unit: 'Wh' }) };
}

function sample2(register: number, style: Habits['style']): JsonObject {
  switch (style) {
    case 'kWh':
      return { value: register / 1000, unitOfMeasure: { unit: 'kWh' } };
    case 'multiplier':
      return { value: register / 1000, unitOfMeasure: { unit: 'Wh', multiplier: 3 } };
    default:
      return { value: register, ...(style === 'Wh' && { unitOfMeasure: { unit: 'Wh', multiplier: 0 } }) };
  }
}

/** Three places, as meters show it. */
export function kilo(register: number): string {
  return `${Math.floor(register / 1000)}.${`${register % 1000}`.padStart(3, '0')}`;
}
