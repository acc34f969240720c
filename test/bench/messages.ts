/** What the stations say. Each message prepares its stations and resolves to the texts that each one repeats. */
import { type Fleet, type Part, RECONNECT } from './fleet.ts';
import { NUMBER, TIME, TRANSACTION } from './station.ts';

/** @returns the part of each station, by its number; its texts have NUMBER where it is another one in each CALL */
export type Message = (fleet: Fleet) => Promise<(number: number) => Part>;

const HEARTBEAT = `[2,"${NUMBER}","Heartbeat",{}]`;
const HEARTBEATS: Part = { texts: [HEARTBEAT] };
export const heartbeat: Message = async () => () => HEARTBEATS;

const AUTHORIZE: Part = { texts: [`[2,"${NUMBER}","Authorize",{"idTag":"BENCH"}]`] };
export const authorize: Message = async () => () => AUTHORIZE;

export const BOOT = `[2,"${NUMBER}","BootNotification",{"chargePointVendor":"bench","chargePointModel":"bench"}]`;

const START = {
  connectorId: 1,
  idTag: 'BENCH',
  meterStart: 0,
  timestamp: '2026-01-01T00:00:00Z',
};

/** About 1 kB of readings, another each time, of a transaction that was opened before. */
export const meterValues: Message = async (fleet) => {
  await fleet.ask(call('StartTransaction', JSON.stringify(START)));
  const part = { texts: [readings()] };
  return () => part;
};

/** An hour of a station that charges: a reading a minute, a Heartbeat every five minutes, the end of one session and the start of the next. */
const READINGS = 60;
const HEARTBEAT_EVERY = 5;
/** A station loses its connection about once a day. In a day 10 000 stations send some 6 million messages. */
const MESSAGES_A_CONNECTION = 600;
/** Of 50 messages so many come from stations that charge, a fifth of all: they say 79 in an hour, the others 12. */
const CHARGING_OF_50 = 31;

/**
 * The mix of a network of which a fifth charges. Stations here send equally often, so there are as many of each kind as it has messages; each begins
 * at another place.
 */
export const network: Message = async (fleet) => {
  const now = new Date().toISOString();
  const tag = `"idTag":"${NUMBER}"`;
  // Another fact each time: a repeated one would get the answer of the first.
  const start = call(
    'StartTransaction',
    `{"connectorId":1,${tag},"meterStart":${NUMBER},"timestamp":"${now}"}`,
  );
  const stop = `{"transactionId":${TRANSACTION},"meterStop":${NUMBER},"timestamp":"${now}"}`;
  await fleet.ask(BOOT);
  await fleet.ask(start);
  const minutes = Array.from({ length: READINGS }, (_, minute) =>
    minute % HEARTBEAT_EVERY === 0 ? [HEARTBEAT, readings()] : [readings()],
  ).flat();
  const session = [
    ...minutes,
    call('StopTransaction', stop),
    ...['Finishing', 'Available'].map(status),
    call('Authorize', `{${tag}}`),
    status('Preparing'),
    start,
    status('Charging'),
  ];
  const sessions = Math.round(MESSAGES_A_CONNECTION / session.length);
  // It reconnects while it does not charge: behind Available.
  const idleAt = minutes.length + 3;
  const last = [...session.slice(0, idleAt), RECONNECT, BOOT, ...session.slice(idleAt)];
  const charging = [...Array.from({ length: sessions - 1 }, () => session).flat(), ...last];
  const idle = [...Array.from({ length: MESSAGES_A_CONNECTION }, () => HEARTBEAT), RECONNECT, BOOT];
  return (number) =>
    number % 50 < CHARGING_OF_50
      ? { texts: charging, from: (number % sessions) * session.length + (number % minutes.length) }
      : { texts: idle, from: (number * 13) % idle.length };
};

const status = (state: string) =>
  call('StatusNotification', `{"connectorId":1,"errorCode":"NoError","status":"${state}"}`);

/** @param payload JSON, with the places of numbers */
const call = (action: string, payload: string) => `[2,"${NUMBER}","${action}",${payload}]`;

const readings = () =>
  call(
    'MeterValues',
    `{"connectorId":1,"transactionId":${TRANSACTION},"meterValue":[${JSON.stringify(reading())}]}`,
  );

const sampled = (measurand: string, unit: string, phases: readonly string[], value: string) =>
  phases.map((phase) => ({ value, context: 'Sample.Periodic', measurand, unit, ...(phase && { phase }) }));

const reading = () => ({
  timestamp: TIME,
  sampledValue: [
    ...sampled('Energy.Active.Import.Register', 'Wh', [''], NUMBER),
    ...sampled('Power.Active.Import', 'W', ['', 'L1'], '3680.0'),
    ...sampled('Current.Import', 'A', ['L1', 'L2', 'L3'], '16.0'),
    ...sampled('Voltage', 'V', ['L1', 'L2', 'L3'], '230.1'),
    ...sampled('SoC', 'Percent', [''], '54'),
  ],
});
