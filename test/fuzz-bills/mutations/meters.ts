/** Kinds I, J, J′ and M′: registers by phase, units, numbers that are none, and meters that cannot be. */
import type { Chance } from '../../chaos/random.ts';
import { copy, type Draft, isObject, type Json, type JsonObject, Literal, type Say } from '../draft.ts';
import { kilo } from '../samples.ts';
import {
  alter,
  changing,
  energySamples,
  inEnergy,
  inPayload,
  type Mutation,
  places,
  saysOf,
  some,
  textIn,
} from './mutation.ts';

/** The energy of a sample as the generator wrote it, in Wh; undefined once something was changed in it. */
function wattHours(sample: JsonObject): number | undefined {
  const { value, phase, unit, unitOfMeasure } = sample;
  const measure = isObject(unitOfMeasure) ? unitOfMeasure : {};
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || phase !== undefined) return undefined;
  const factor = { Wh: 1, kWh: 1000 }[textIn(unit ?? measure['unit'] ?? 'Wh') ?? ''];
  const multiplier = measure['multiplier'] ?? 0;
  if (factor === undefined || typeof multiplier !== 'number') return undefined;
  return Math.round(number * factor * 10 ** multiplier);
}

/** Three samples for one: their sum is the register. */
function byPhase(sample: JsonObject, names: readonly string[], chance: Chance): Json[] {
  const total = wattHours(sample);
  if (total === undefined) return [sample];
  const first = chance.between(0, total);
  const second = chance.between(0, total - first);
  const [one, two, three] = names.map((phase) => Object.assign(copy(sample) as JsonObject, { phase }));
  if (one === undefined || two === undefined || three === undefined) return [sample];
  setWattHours(one, first);
  setWattHours(two, second);
  setWattHours(three, total - first - second);
  return [one, two, three];
}

/** In the words of the sample. */
function setWattHours(sample: JsonObject, register: number): void {
  const { unit, unitOfMeasure } = sample;
  const measure = isObject(unitOfMeasure) ? unitOfMeasure : {};
  const isKilo = unit === 'kWh' || measure['unit'] === 'kWh' || measure['multiplier'] === 3;
  if (typeof sample['value'] === 'string') sample['value'] = isKilo ? kilo(register) : `${register}`;
  else sample['value'] = isKilo ? register / 1000 : register;
}

function phases(total: 'left out' | 'kept'): Mutation['apply'] {
  return (draft, chance) => {
    const lists = saysOf(draft, 'start', 'meter', 'stop').flatMap(({ payload }) =>
      places(payload, 'sampledValue'),
    );
    let changed = false;
    // A station has one habit.
    const samples = saysOf(draft, 'start', 'meter', 'stop').flatMap(energySamples);
    if (samples.some((sample) => wattHours(sample) === undefined)) return false;
    const names = chance.one([
      ['L1', 'L2', 'L3'],
      ['L1-N', 'L2-N', 'L3-N'],
    ]);
    for (const { holder, name } of lists) {
      const list = [holder[name] ?? []].flat() as readonly Json[];
      holder[name] = list.flatMap((sample) => {
        if (!isObject(sample) || !isEnergy(sample)) return [sample];
        const parts = byPhase(sample, names, chance);
        changed ||= parts.length > 1;
        if (total === 'kept' && parts.length > 1) parts.splice(chance.happens(0.5) ? 0 : 3, 0, sample);
        return parts;
      });
    }
    return changed;
  };
}

const isEnergy = (sample: JsonObject) =>
  (sample['measurand'] ?? 'Energy.Active.Import.Register') === 'Energy.Active.Import.Register';

/** Other words for the unit. @param spell undefined leaves a sample as it is */
function unit(spell: (unit: string, chance: Chance) => string | undefined): Mutation['apply'] {
  return (draft, chance) => {
    const samples = some(saysOf(draft, 'start', 'meter', 'stop').flatMap(energySamples), chance);
    let changed = false;
    for (const sample of samples) {
      const holder = isObject(sample['unitOfMeasure']) ? sample['unitOfMeasure'] : sample;
      const old = holder['unit'];
      const spelled = typeof old === 'string' ? spell(old, chance) : undefined;
      if (spelled === undefined) continue;
      holder['unit'] = spelled;
      changed = true;
    }
    return changed;
  };
}

const NO_NUMBERS: readonly ((text: string) => Json)[] = [
  (text) => (text.includes('.') ? text.replace('.', ',') : `${text},5`),
  (text) => `${text.slice(0, 1)} ${text.slice(1)}00`,
  () => '0x10',
  () => new Literal('1e400'),
  () => '1e400',
  () => 'NaN',
  () => '',
  (text) => `${text} Wh`,
];

const noNumber = (value: Json, chance: Chance): Json =>
  typeof value === 'string' || typeof value === 'number' ? chance.one(NO_NUMBERS)(`${value}`) : value;

/** What the station says of the register, in the place of its own. */
function setRegister(say: Say, register: number): boolean {
  if (say.action === 'StopTransaction') {
    say.payload['meterStop'] = register;
    return true;
  }
  const samples = energySamples(say).filter((sample) => wattHours(sample) !== undefined);
  for (const sample of samples) {
    sample['value'] = typeof sample['value'] === 'string' ? `${register}` : register;
    delete sample['unit'];
    delete sample['unitOfMeasure'];
  }
  return samples.length > 0;
}

function wrongStop(register: (start: number, chance: Chance) => number | undefined): Mutation['apply'] {
  return (draft: Draft, chance) => {
    const say = saysOf(draft, 'stop').find(({ session }) => (draft.sessions[session]?.start ?? 0) > 0);
    const start = say === undefined ? undefined : draft.sessions[say.session]?.start;
    const wrong = start === undefined ? undefined : register(start, chance);
    return say !== undefined && wrong !== undefined && setRegister(say, wrong);
  };
}

export const METERS: readonly Mutation[] = [
  { name: 'the register by phase', kind: 'I', lossless: true, apply: phases('left out') },
  { name: 'the register by phase and in total', kind: 'I', lossless: true, apply: phases('kept') },
  {
    name: 'a unit in other letters',
    kind: 'J',
    lossless: true,
    apply: unit((unit, chance) => chance.one([unit.toUpperCase(), unit.toLowerCase()])),
  },
  {
    name: 'a unit that is none of energy',
    kind: 'J',
    apply: unit((_, chance) => chance.one(['kW', 'W', 'kvarh', '', 'units'])),
  },
  {
    name: 'a value that is no number',
    kind: 'J′',
    apply: changing(inEnergy('value', 'start', 'meter', 'stop'), noNumber),
  },
  {
    name: 'a meterStop that is no number',
    kind: 'J′',
    of: '1.6',
    apply: changing(inPayload('meterStop', 'stop'), noNumber),
  },
  { name: 'the stop says -1', kind: 'M′', apply: wrongStop(() => -1) },
  { name: 'the stop says 0', kind: 'M′', apply: wrongStop(() => 0) },
  {
    name: 'the stop is below the start',
    kind: 'M′',
    apply: wrongStop((start, chance) => chance.between(0, start - 1)),
  },
  {
    name: 'the start says -1',
    kind: 'M′',
    apply(draft, chance) {
      const says = saysOf(draft, 'start');
      if (says.length === 0) return false;
      const say = chance.one(says);
      if (say.action === 'TransactionEvent') return setRegister(say, -1);
      for (const place of places(say.payload, 'meterStart')) alter(place, () => -1);
      return true;
    },
  },
];
