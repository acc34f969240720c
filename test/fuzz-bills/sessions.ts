/** What a station sends when nothing goes wrong: charging sessions on one or two connectors, in the words of each version. */
import { type Protocol, PROTOCOLS } from '../../services/ocpp/frame.ts';
import type { Chance } from '../chaos/random.ts';
import { type Draft, GivenId, type JsonObject, type Role, type Say, type Session } from './draft.ts';
import { type Habits, habitsOf, sampled } from './samples.ts';

/** The first moment of every history. */
export const BEGIN = Date.UTC(2026, 10, 28, 8);
const MINUTE = 60_000;
const TAGS = ['04A2B3C4', 'FLEET-7', '0455667788AABB'];

/** A time as the station writes it. */
export const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

interface Plan extends Session {
  readonly number: number;
  readonly begins: number;
  readonly ends: number;
  /** Registers between start and stop. */
  readonly between: readonly number[];
}

export function truthfulHistory(chance: Chance): Draft {
  const protocol = chance.one(PROTOCOLS);
  const plans = plansOf(chance);
  const habits = habitsOf(protocol, chance);
  const of = protocol === 'ocpp1.6' ? session16 : session2;
  const says = plans.flatMap((plan) => of(plan, habits, chance));
  const others = Array.from({ length: chance.between(0, 2) }, () => heartbeat(chance));
  const steps = [boot(protocol), ...others, ...says].toSorted((a, b) => a.at - b.at);
  return { protocol, sessions: plans, steps };
}

/** One after the other on each connector, whose register only rises. */
function plansOf(chance: Chance): Plan[] {
  const plans: Plan[] = [];
  const connectors = chance.happens(0.3) ? [1, 2] : [1];
  for (const connector of connectors) {
    let at = BEGIN + chance.between(1, 5) * MINUTE + connector * 7000;
    let register = chance.one([0, chance.between(1, 5_000_000)]);
    for (let left = chance.between(1, connectors.length === 1 ? 3 : 2); left > 0; left--) {
      const energy = chance.happens(0.08) ? 0 : chance.between(1, chance.one([900, 60_000]));
      const between = Array.from({ length: chance.between(0, 4) }, () =>
        chance.between(register, register + energy),
      ).toSorted((a, b) => a - b);
      const ends = at + (between.length + 1) * 10 * MINUTE;
      const plan = { connector, tag: chance.one(TAGS), start: register, stop: register + energy };
      plans.push({ ...plan, number: plans.length, begins: at, ends, between });
      register += energy + (chance.happens(0.2) ? chance.between(0, 50) : 0);
      at = ends + chance.between(1, 30) * MINUTE;
    }
  }
  return plans;
}

export function say(role: Role, session: number, action: string, payload: JsonObject, at: number): Say {
  // A second passes between the fact and its message.
  return { kind: 'say', role, session, action, payload, at: at + 1000, texts: [] };
}

function boot(protocol: Protocol): Say {
  const payload: JsonObject =
    protocol === 'ocpp1.6'
      ? { chargePointVendor: 'Acme', chargePointModel: 'AC-1', firmwareVersion: '1.0' }
      : { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'DC-9', firmwareVersion: '1.0' } };
  return say('other', -1, 'BootNotification', payload, BEGIN);
}

function heartbeat(chance: Chance): Say {
  return say('other', -1, 'Heartbeat', {}, BEGIN + chance.between(1, 60) * MINUTE);
}

function session16(plan: Plan, habits: Habits, chance: Chance): Say[] {
  const { number, connector, tag, start, stop, begins, ends, between } = plan;
  const id = new GivenId(number);
  const values = (register: number, at: number, context: string) => ({
    timestamp: iso(at),
    sampledValue: sampled(register, habits, context),
  });
  const first = { connectorId: connector, idTag: tag, meterStart: start, timestamp: iso(begins) };
  const last: JsonObject = { transactionId: id, meterStop: stop, timestamp: iso(ends) };
  if (habits.tagAtStop) last['idTag'] = tag;
  if (chance.happens(0.5)) last['reason'] = 'EVDisconnected';
  if (chance.happens(0.3)) {
    last['transactionData'] = [
      values(start, begins, 'Transaction.Begin'),
      values(stop, ends, 'Transaction.End'),
    ];
  }
  const meters = between.map((register, i) => {
    const at = momentOf(plan, i);
    const payload = {
      connectorId: connector,
      transactionId: id,
      meterValue: [values(register, at, 'Sample.Periodic')],
    };
    return say('meter', number, 'MeterValues', payload, at);
  });
  return [
    say('start', number, 'StartTransaction', first, begins),
    ...meters,
    say('stop', number, 'StopTransaction', last, ends),
  ];
}

function session2(plan: Plan, habits: Habits, chance: Chance): Say[] {
  const { number, connector, tag, start, stop, begins, ends } = plan;
  // The event before it announces an end without register.
  const between = habits.registerAtEnd ? plan.between : [...plan.between.slice(0, -1), stop];
  const transactionId = habits.shortIds ? `${number + 1}` : `tx-${number}-${chance.between(1000, 9999)}`;
  let seqNo = habits.firstSeqNo + number * 100;
  const event = (
    role: Role,
    eventType: string,
    at: number,
    register: number | undefined,
    more: JsonObject,
  ) => {
    const context =
      { start: 'Transaction.Begin', stop: 'Transaction.End' }[role as string] ?? 'Sample.Periodic';
    const payload: JsonObject = {
      eventType,
      timestamp: iso(at),
      triggerReason: role === 'meter' ? 'MeterValuePeriodic' : 'CablePluggedIn',
      seqNo: seqNo++,
      transactionInfo: { transactionId, ...(role === 'stop' && { stoppedReason: 'EVDisconnected' }) },
      evse: { id: connector, connectorId: 1 },
      ...more,
    };
    if (register !== undefined) {
      payload['meterValue'] = [{ timestamp: iso(at), sampledValue: sampled(register, habits, context) }];
    }
    return say(role, number, 'TransactionEvent', payload, at);
  };
  const token = { idToken: { idToken: tag, type: 'ISO14443' } };
  return [
    event('start', 'Started', begins, start, token),
    ...between.map((register, i) =>
      event('meter', 'Updated', momentOf({ ...plan, between }, i), register, {}),
    ),
    event('stop', 'Ended', ends, habits.registerAtEnd ? stop : undefined, habits.tagAtStop ? token : {}),
  ];
}

function momentOf({ begins, ends, between }: Plan, i: number): number {
  const step = (ends - begins) / (between.length + 1);
  return begins + Math.floor((step * (i + 1)) / 1000) * 1000;
}
