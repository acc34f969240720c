/** What must be in Redis when a run is over, and what must not. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Charge, Ledger } from './ledger.ts';
import type { Plan } from './plan.ts';

/** Keys that stay, and whose they are. All others must expire. */
const OWNED: readonly RegExp[] = [
  // Counters.
  /^ocpp:(running|epoch|call-order|counter:.*)$/,
  // Whose data these are.
  /^ocpp:store$/,
  // Which stations there are, and since when some are away: bounded.
  /^ocpp:(known-stations|disconnected)$/,
  // Bounded streams for billing and monitoring.
  /^ocpp:(transactions|reports|meter-values|settlements|events|audit)$/,
  // How far a webhook is that the API has.
  /^ocpp:webhook:.*$/,
  // Of a station as long as there is that station.
  /^ocpp:station:.*$/,
];
/** Of living processes, or events that wait for a webhook; when all have ended in good order, nothing of this is left. */
const LIVING =
  /^ocpp:(held-calls|webhook-stations:.*|webhook-parked:.*|processors|proxies|process:.*|outbox:.*|inflight:.*|processing:.*|landing:.*)$/;
const QUIET_MS = 20_000;

/** Resolves when nothing is under way any more: what was asked is handled, and the stations are gone. */
export async function untilQuiet(look: Redis, ledger: Ledger): Promise<void> {
  const end = Date.now() + QUIET_MS;
  for (;;) {
    const left = await underWay(look);
    if (left.length === 0) return;
    if (Date.now() > end) return ledger.violated(`after ${QUIET_MS} ms there is still ${left.join(', ')}`);
    await wait(100);
  }
}

async function underWay(look: Redis): Promise<string[]> {
  const left: string[] = [];
  for (const list of ['ocpp:requests', 'ocpp:rescued']) {
    const length = await look.llen(list);
    if (length > 0) left.push(`${list} (${length})`);
  }
  const held = [
    'processing:*',
    'landing:*',
    'session:*',
    'calls:*',
    'call-deadlines',
    'active',
    'sessions:*',
  ];
  for (const pattern of held) left.push(...(await look.keys(`ocpp:${pattern}`)));
  // The entries of dead processes were reclaimed.
  const registered = [await look.zcard('ocpp:processors'), await look.zcard('ocpp:proxies')];
  if (registered.some((count) => count !== 2)) left.push(`registrations ${registered.join(' and ')}`);
  return left;
}

export async function checkEffects(look: Redis, { seed }: Plan, ledger: Ledger): Promise<void> {
  const ours = (fields: readonly string[]) => fieldOf(fields, 'stationId').startsWith(`S${seed}-`);
  const closed = (await look.xrange('ocpp:transactions', '-', '+')).map(([, fields]) => fields).filter(ours);
  const events = (await look.xrange('ocpp:events', '-', '+')).map(([, fields]) => fields).filter(ours);
  for (const [, fields] of await look.xrange('ocpp:unreadable', '-', '+')) {
    ledger.violated(`the text of a station that breaks no rule is unreadable: ${fields.join(' ')}`);
  }
  for (const charge of ledger.charges) checkCharge(charge, closed, events, ledger);
  checkMeterValues(
    (await look.xrange('ocpp:meter-values', '-', '+')).map(([, fields]) => fields),
    ledger,
  );
  const finished = ledger.charges.filter(({ stopped }) => stopped).length;
  if (closed.length !== finished) {
    ledger.violated(`${finished} transactions were ended by their stations, ${closed.length} are recorded`);
  }
  for (const [, fields] of await look.xrange('ocpp:dead-letters', '-', '+')) {
    ledger.violated(`a dead letter: ${fields.join(' ').slice(0, 300)}`);
  }
}

function checkCharge(
  charge: Charge,
  closed: readonly string[][],
  events: readonly string[][],
  ledger: Ledger,
): void {
  const { stationId, transactionId = '', meterStart, meterStop } = charge;
  const what = `${stationId}: transaction ${transactionId}`;
  const own = (fields: readonly string[]) =>
    fieldOf(fields, 'stationId') === stationId && fieldOf(fields, 'transactionId') === transactionId;
  const entries = closed.filter(own);
  if (charge.stopped && entries.length !== 1) ledger.violated(`${what} is recorded ${entries.length} times`);
  for (const entry of entries) {
    const meters = `${fieldOf(entry, 'meterStart')} to ${fieldOf(entry, 'meterStop')}`;
    if (meters !== `${meterStart} to ${meterStop}`) {
      ledger.violated(`${what}: ${meterStart} to ${meterStop} Wh are recorded as ${meters}`);
    }
  }
  if (transactionId === '') return;
  const emitted = events.filter(own).map((fields) => fieldOf(fields, 'type'));
  const expected = [
    ...(charge.started ? ['transaction-started'] : []),
    ...(charge.stopped ? ['transaction-stopped'] : []),
  ];
  if (emitted.join() !== expected.join()) ledger.violated(`${what} had the events ${emitted.join()}`);
}

/** The meter values of an end (2.x) stand in their stream once; those of a running transaction only in its record. */
function checkMeterValues(kept: readonly string[][], ledger: Ledger): void {
  for (const { stationId, transactionId, protocol, stopped } of ledger.charges) {
    const own = kept.filter(
      (fields) =>
        fieldOf(fields, 'stationId') === stationId && fieldOf(fields, 'transactionId') === transactionId,
    );
    if (!stopped || transactionId === undefined) continue;
    const expected = protocol === 'ocpp1.6' ? 0 : 1;
    if (own.length !== expected) {
      ledger.violated(
        `${stationId}: transaction ${transactionId} has ${own.length} entries of meter values, not ${expected}`,
      );
    }
  }
}

/** Everything in Redis has an owner or an expiry. @param stopped all processes have ended: they own nothing any more */
export async function checkLeftovers(
  look: Redis,
  ledger: Pick<Ledger, 'violated'>,
  stopped: boolean = false,
): Promise<void> {
  for (const key of await look.keys('*')) {
    if (OWNED.some((pattern) => pattern.test(key)) || (!stopped && LIVING.test(key))) continue;
    if ((await look.ttl(key)) === -1) ledger.violated(`${key} is left, with no owner and no expiry`);
  }
}

function fieldOf(fields: readonly string[], name: string): string {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1] ?? '';
  return '';
}
