/** What a message adds to the record of a transaction: its newest register, and irregularities of its time. */
import { compare, readDecimal, writeDecimal } from '../../ocpp/decimal.ts';
import {
  EARLIEST_TEXT,
  isPlausible,
  isSortable,
  LONGEST_TIME,
  readTime,
  utc,
  utcOf,
} from '../../ocpp/time.ts';
import type { Expectation } from '../../transport/stored-state.ts';
import { digest } from '../facts.ts';
import type { HandlerContext } from '../handler.ts';
import {
  isAfter,
  isNewer,
  type Metered,
  type MeterValue,
  newest,
  newestOf,
  type Reading,
  readMeter,
  type UnreadableRegister,
} from './meter.ts';
import type { Note } from './bill.ts';
import { decimalOf, isHeardDue, type TransactionFacts } from './record.ts';
import type { RunningTransaction } from './running.ts';

/** The register in the meter values of a message. A sample that was removed may have been the register. */
export function meterOf(
  values: readonly MeterValue[] | undefined,
  path: string,
  { exact, repaired }: HandlerContext,
): Metered {
  const metered = readMeter(values, path, exact);
  if (metered.readings.length + metered.problems.length > 0 || repaired.size === 0) return metered;
  const lost = [...repaired].some(
    ([place, kind]) => kind === 'removed' && place.startsWith(`${path}/`) && place.includes('/sampledValue'),
  );
  return lost ? { readings: [], problems: [{ why: 'value-unreadable', at: undefined }] } : metered;
}

/**
 * The newest register of a message, if it is newer or higher than the known one: registers do not fall, so a higher one
 * is later, whatever the station's clock says. An unreadable sample is noted, so that no older register is billed in its
 * place; the next readable one clears the note. @param now ms since 1970
 */
export function lastReading(
  { readings, problems }: Metered,
  known: TransactionFacts,
  now: number,
): TransactionFacts {
  const usable = readings.filter((one) => isUsable(one, known));
  const reading = newest(usable, now);
  const problem = newestProblem({ readings, problems }, now);
  if (problem !== undefined && isNewer(problem.at, known.lastMeterAt, now))
    return { meterTrouble: problem.why };
  if (reading === undefined) return {};
  const { energy, at, phases } = reading;
  // If the clock is implausible or stuck, only the register says which is later.
  if (!isAfter(at, known.lastMeterAt, now) && !isHigher(reading, known)) return {};
  return {
    lastMeter: writeDecimal(energy),
    lastMeterAt: at,
    ...(phases !== (known.lastPhases ?? '') && { lastPhases: phases }),
    ...(Boolean(known.meterTrouble) && { meterTrouble: '' }),
  };
}

/** What a message adds to a record that was not read, and what that must be like. */
export interface ReadingWithoutRecord {
  readonly facts: TransactionFacts;
  readonly expects: Expectation;
}

/**
 * The same as `lastReading`, for a running transaction whose record was not read: the time of a reading tells that it is newer, if it can
 * be compared in the store. Undefined where only the record can tell, and where it is time to note that the station was heard.
 */
export function readingWithoutRecord(
  key: string,
  { readings, problems }: Metered,
  running: RunningTransaction,
  context: Pick<HandlerContext, 'now' | 'settings'>,
): ReadingWithoutRecord | undefined {
  const now = context.now.getTime();
  if (isHeardDue(running, now, context.settings.heardEveryMs) || problems.length > 0) return undefined;
  if (!readings.every((one) => isUsable(one, running))) return undefined;
  // Each closing mark has a kind; `closed` may be an empty text.
  const runs = { stationId: running.stationId, kind: '' };
  const reading = newest(readings, now);
  if (reading === undefined) return { facts: {}, expects: { key, fields: runs } };
  const { energy, at, phases } = reading;
  const time = readTime(at);
  if (at === undefined || time === undefined || !isPlausible(time, now) || !isSortable(at)) return undefined;
  return {
    facts: { lastMeter: writeDecimal(energy), lastMeterAt: at },
    expects: {
      key,
      fields: { ...runs, lastPhases: phases, meterTrouble: '' },
      earlier: { field: 'lastMeterAt', from: EARLIEST_TEXT, before: at },
    },
  };
}

/** The newest unreadable sample, unless a reading is as new. */
export function newestProblem({ readings, problems }: Metered, now: number): UnreadableRegister | undefined {
  const problem = newestOf(problems, now);
  if (problem === undefined) return undefined;
  const reading = newestOf(readings, now);
  return reading === undefined || !isNewer(reading.at, problem.at, now) ? problem : undefined;
}

function isHigher({ energy, phases }: Reading, { lastMeter, lastPhases = '' }: TransactionFacts): boolean {
  const last = decimalOf(lastMeter);
  return last === undefined || (phases === lastPhases && compare(energy, last) > 0);
}

/** A register that is negative or below the start cannot be billed. */
function isUsable({ energy, phases }: Reading, { meterStart, startPhases = '' }: TransactionFacts): boolean {
  const start = decimalOf(meterStart);
  return (
    energy.digits >= 0n && (start === undefined || phases !== startPhases || compare(energy, start) >= 0)
  );
}

/**
 * The time of a message as a part of its business key, in one spelling: the station's own time, never the time of
 * receipt, which differs for a duplicate.
 */
export function reportedTime(timestamp: string | undefined, context: HandlerContext): string | undefined {
  if (timestamp === undefined || timeNotes(context).length > 0) return undefined;
  const instant = readTime(timestamp);
  return instant === undefined ? timestamp : utc(instant);
}

/** A time as the station wrote it; a text that is longer than any time is replaced. */
export function writtenTime(timestamp: string | undefined, { receivedAt }: HandlerContext): string {
  if (timestamp !== undefined && timestamp.length <= LONGEST_TIME) return timestamp;
  return utcOf(timestamp, receivedAt);
}

/** The part of a business key that replaces an unreadable time: a hash of the whole message. */
export function factWithoutTime(request: object): string {
  // Unreadable times were replaced by the time of receipt.
  return digest(
    JSON.stringify(request, (name, value: unknown) => (name === 'timestamp' ? undefined : value)),
  );
}

/** Notes that the time of the message was replaced by the time of receipt. */
export function timeNotes({ repaired }: HandlerContext): Note[] {
  return repaired.get('/timestamp') === 'time-unreadable' ? ['time-unreadable'] : [];
}

/** A number as the station wrote it, or as JavaScript writes it if that is the same number. */
export function numberText(
  value: number | undefined,
  path: string,
  { exact }: HandlerContext,
): string | undefined {
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value)) return String(value);
  const decimal = readDecimal(exact.get(path) ?? value);
  return decimal === undefined ? undefined : writeDecimal(decimal);
}
