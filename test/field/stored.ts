/** Compares the stored state of a case's stations with the expectations, until they match or the time limit passes. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Expected, Fate, Fields } from './cases.ts';
import { mismatches, missingIn, show } from './pattern.ts';
import { filledIn } from './texts.ts';
import type { Entry, World } from './world.ts';

/** A text that violates the rules, and its treatment. */
export interface Sent {
  readonly fate: Fate;
  readonly text: string;
  readonly stationId: string;
  /** It may change nothing, and emit nothing. */
  readonly again: boolean;
}

/** Entries without a response, such as an unreadable text, are stored a little later; ms. */
const SETTLED_MS = 1500;
/** Characters of an unreadable text that are kept (services/transport/transport.ts). */
const TEXT_KEPT = 4096;

export async function storedDifferences(
  expected: Expected,
  sent: readonly Sent[],
  world: World,
  names: ReadonlyMap<string, string>,
): Promise<string[]> {
  for (const end = Date.now() + SETTLED_MS; ; await wait(30)) {
    const differences = await compared(expected, sent, world, names);
    if (differences.length === 0 || Date.now() > end) return differences;
  }
}

async function compared(
  expected: Expected,
  sent: readonly Sent[],
  world: World,
  names: ReadonlyMap<string, string>,
): Promise<string[]> {
  const { store, clock } = world;
  const now = clock.now();
  const own = names.get('station') ?? '';
  const ours = (id: string | undefined) => id === own || id?.startsWith(`${own}.`) === true;
  const stream = async (key: string, field = 'stationId') =>
    (await store.stream(key)).filter((entry) => ours(entry[field]));
  const bills = await stream('transactions');
  const known = new Map([
    ...names,
    ...bills.map((bill, index) => [`bill${index}`, bill['billId'] ?? 'none'] as const),
  ]);
  const { records = {}, streams = {}, log = [], ...wanted } = filledIn(expected, known);
  const events = await stream('events');
  return [
    ...listDifferences('bills', wanted.bills ?? [], bills, now),
    ...listDifferences('reports', wanted.reports ?? [], await stream('reports'), now),
    ...eventDifferences(wanted, sent, events, now),
    ...unreadableDifferences(wanted, sent, await stream('unreadable', 'station'), now),
    ...(
      await Promise.all(
        Object.entries(records).map(async ([key, pattern]) =>
          mismatches(pattern, await store.record(key), now, key),
        ),
      )
    ).flat(),
    ...(
      await Promise.all(
        Object.entries(streams).map(async ([key, patterns]) =>
          inOrder(key, patterns, await stream(key), now),
        ),
      )
    ).flat(),
    ...log.flatMap((pattern) => lineDifferences(pattern, world, now)),
  ];
}

/** As many entries as patterns, each of which matches its own. */
function listDifferences(
  what: string,
  patterns: readonly Fields[],
  entries: readonly Entry[],
  now: number,
): string[] {
  if (entries.length !== patterns.length)
    return [`there are ${entries.length} ${what}, not ${patterns.length}:${listed(entries)}`];
  const differences = patterns.flatMap((pattern, index) =>
    mismatches(pattern, entries[index], now, `${what}/${index}`),
  );
  return differences.length === 0 ? [] : [...differences, `${what}:${listed(entries)}`];
}

function eventDifferences(
  { events = [], noEvents = [] }: Expected,
  sent: readonly Sent[],
  stored: readonly Entry[],
  now: number,
): string[] {
  const count = (type: string) => stored.filter((event) => event['type'] === type).length;
  const differences = (['repaired', 'refused'] as const).flatMap((fate) => {
    const most = sent.filter((one) => one.fate === fate);
    const least = most.filter((one) => fate === 'refused' || !one.again);
    const there = count(`message-${fate}`);
    return there >= least.length && there <= most.length
      ? []
      : [`there are ${there} events message-${fate}, not ${least.length}`];
  });
  differences.push(...noEvents.filter((type) => count(type) > 0).map((type) => `there is an event ${type}`));
  differences.push(...inOrder('events', events, stored, now));
  return differences.length === 0 ? [] : [...differences, `events:${listed(stored)}`];
}

function inOrder(
  what: string,
  patterns: readonly Fields[],
  entries: readonly Entry[],
  now: number,
): string[] {
  const missing = missingIn(patterns, entries, now);
  return missing === undefined
    ? []
    : [`in ${what}, in this order, is no ${show(missing)}:${listed(entries)}`];
}

function unreadableDifferences(
  { unreadable, unreadableKept }: Expected,
  sent: readonly Sent[],
  stored: readonly Entry[],
  now: number,
): string[] {
  if (unreadableKept !== undefined)
    return mismatches(unreadableKept, stored.length, now, 'unreadable texts kept');
  const implied = sent
    .filter(({ fate }) => fate !== 'repaired')
    .map(({ text, stationId }) => ({ station: stationId, text: text.slice(0, TEXT_KEPT), reason: '$/./' }));
  return listDifferences('unreadable', unreadable ?? implied, stored, now);
}

function lineDifferences(pattern: Fields, { log }: World, now: number): string[] {
  const found = log.filter((line) => mismatches(pattern, line, now).length === 0).length;
  if (found === 1) return [];
  return [`${found} lines of the log are ${show(pattern)}, not 1:${listed(log.slice(-20))}`];
}

function listed(entries: readonly object[]): string {
  return entries.length === 0 ? ' none' : entries.map((entry) => `\n    ${JSON.stringify(entry)}`).join('');
}
