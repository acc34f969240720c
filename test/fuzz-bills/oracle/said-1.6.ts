/** What the transaction messages of OCPP 1.6 say. */
import type { Json, JsonObject } from '../draft.ts';
import type { Told } from './expected.ts';
import { readEnergy, readId, readMoment, readRegisters, readText } from './values.ts';

export interface SaidStart {
  readonly connector: string | undefined;
  readonly tag: string | undefined;
  readonly meter: Told;
  readonly at: number | undefined;
}

export function readStart(payload: JsonObject): SaidStart {
  return {
    connector: readId(payload['connectorId']),
    tag: readText(payload['idTag']),
    meter: told(payload['meterStart']),
    at: readMoment(payload['timestamp']),
  };
}

export function isSameStart(one: SaidStart, other: SaidStart): boolean {
  return (
    one.connector === other.connector &&
    one.tag?.toUpperCase() === other.tag?.toUpperCase() &&
    one.at === other.at &&
    energyIn(one.meter) === energyIn(other.meter)
  );
}

export interface SaidStop {
  readonly id: string | undefined;
  /** Whether it can be the id of a transaction: 0, negative and none are not. */
  readonly hasId: boolean;
  readonly tag: string | undefined;
  readonly meter: Told;
  readonly at: number | undefined;
  /** Registers of its transactionData, from the first to the last. */
  readonly values: readonly Told[];
  /** What tells it from another story about its transaction. */
  readonly facts: string;
  /** What tells it from another stop under an id that was never given: its time, in whatever form. */
  readonly key: string;
}

export function readStop(payload: JsonObject): SaidStop {
  const id = readId(payload['transactionId']);
  const at = readMoment(payload['timestamp']);
  const meter = told(payload['meterStop']);
  return {
    id,
    hasId: id !== undefined && !/^(?:0|-\d+)$/.test(id),
    tag: readText(payload['idTag']),
    meter,
    at,
    values: readRegisters(payload['transactionData']),
    facts: [energyIn(meter) ?? meter.said, at].join(),
    key: [id ?? '-1', energyIn(meter) ?? meter.said, at ?? JSON.stringify(payload['timestamp'])].join(),
  };
}

/** The register of a stop, or the one of its own values where that is none. */
function registerOf({ meter, values }: SaidStop): Told {
  const isUsable = meter.said === 'energy' && meter.energy >= 0n;
  return isUsable ? meter : (values.at(-1) ?? meter);
}

/** Whether a stop can end a session that began with this register: a negative one says that it is not known. */
export function isAbove(stop: SaidStop, start: Told): boolean {
  const [starts, stops] = [energyIn(start), energyIn(registerOf(stop))];
  return starts === undefined || stops === undefined || stops < 0n || stops >= starts;
}

export function energyIn(one: Told): bigint | undefined {
  return one.said === 'energy' ? one.energy : undefined;
}

function told(value: Json | undefined): Told {
  const energy = readEnergy(value);
  if (energy !== undefined) return { said: 'energy', energy };
  return { said: value === undefined || value === null ? 'nothing' : 'value' };
}
