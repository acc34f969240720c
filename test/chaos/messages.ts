/** What a station of the harness says: payloads that are the same however often they are sent. */
import type { Charge } from './ledger.ts';

const BEGUN = Date.parse('2026-01-01T00:00:00Z');
/** Times that differ for every message of a charge, and are the same in every run with one seed. */
const time = (charge: Charge, step: number) =>
  new Date(BEGUN + charge.meterStart * 1000 + step * 60_000).toISOString();

export interface Message {
  readonly action: string;
  readonly payload: object;
}

export function boot(protocol: string): Message {
  const payload =
    protocol === 'ocpp1.6'
      ? { chargePointVendor: 'Chaos', chargePointModel: 'One' }
      : { reason: 'PowerUp', chargingStation: { vendorName: 'Chaos', model: 'Two' } };
  return { action: 'BootNotification', payload };
}

export function start(charge: Charge): Message {
  if (charge.protocol !== 'ocpp1.6') return event(charge, 'Started', 0, charge.meterStart);
  const payload = { connectorId: 1, idTag: 'T1', meterStart: charge.meterStart, timestamp: time(charge, 0) };
  return { action: 'StartTransaction', payload };
}

/** @param step from 1 */
export function meter(charge: Charge, step: number, wattHours: number): Message {
  if (charge.protocol !== 'ocpp1.6') return event(charge, 'Updated', step, wattHours);
  const sampled = { value: String(wattHours), measurand: 'Energy.Active.Import.Register', unit: 'Wh' };
  const meterValue = [{ timestamp: time(charge, step), sampledValue: [sampled] }];
  return {
    action: 'MeterValues',
    payload: { connectorId: 1, transactionId: Number(charge.transactionId), meterValue },
  };
}

export function stop(charge: Charge, step: number, meterStop: number): Message {
  if (charge.protocol !== 'ocpp1.6') return event(charge, 'Ended', step, meterStop);
  const payload = {
    transactionId: Number(charge.transactionId),
    meterStop,
    timestamp: time(charge, step),
    reason: 'Local',
  };
  return { action: 'StopTransaction', payload };
}

/** What 2.1 never has answered: the newest value of event stream 1. */
export function send(number: number): Message {
  const data = [{ t: number, v: String(number) }];
  return {
    action: 'NotifyPeriodicEventStream',
    payload: { id: 1, pending: 0, basetime: new Date(BEGUN).toISOString(), data },
  };
}

function event(
  charge: Charge,
  eventType: 'Started' | 'Updated' | 'Ended',
  seqNo: number,
  value: number,
): Message {
  const timestamp = time(charge, seqNo);
  const sampledValue = [{ value, measurand: 'Energy.Active.Import.Register' }];
  const payload = {
    eventType,
    timestamp,
    seqNo,
    triggerReason: eventType === 'Updated' ? 'MeterValuePeriodic' : 'Authorized',
    transactionInfo: { transactionId: charge.transactionId },
    evse: { id: 1, connectorId: 1 },
    meterValue: [{ timestamp, sampledValue }],
    ...(eventType === 'Started' && { idToken: { idToken: 'T1', type: 'ISO14443' } }),
  };
  return { action: 'TransactionEvent', payload };
}
