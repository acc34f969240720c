/** OCPP 1.6: what StartTransaction, MeterValues and StopTransaction say, read in the order in which they were answered. */
import type { Json } from '../draft.ts';
import type { Exchange } from '../play.ts';
import { energyOf, type Expected, type Fault, graver, type Reckoning, type Told } from './expected.ts';
import { readEnergy, readId, readMoment, readRegisters, readText } from './values.ts';

interface Transaction {
  readonly id: string;
  readonly connector: string | undefined;
  readonly tag: string | undefined;
  readonly start: Told;
  readonly startedAt: number | undefined;
  readonly registers: Told[];
  /** What its stop said. */
  stop?: { readonly facts: string; readonly at: number | undefined };
  open: boolean;
  readonly bill: Expected;
  /** The bill of a stop without its id that may be its own, or not. */
  perhaps?: Expected;
}

export function reckon16(exchanges: readonly Exchange[]): Reckoning {
  const book = new Book();
  for (const exchange of exchanges) {
    const { say, answer } = exchange;
    if (answer !== 'result') book.refused(exchange);
    else if (say.action === 'StartTransaction') book.start(exchange);
    else if (say.action === 'MeterValues') book.meter(exchange);
    else if (say.action === 'StopTransaction') book.stop(exchange);
  }
  return book.close();
}

const told = (value: Json | undefined): Told => {
  const energy = readEnergy(value);
  if (energy !== undefined) return { said: 'energy', energy };
  return { said: value === undefined || value === null ? 'nothing' : 'value' };
};

class Book {
  readonly #known = new Map<string, Transaction>();
  /** Stops of transactions that nobody knows, by their facts. */
  readonly #strangers = new Map<string, Expected>();
  readonly #faults: Fault[] = [];

  /** A stop is always taken; a start when connector and token can be read. */
  refused({ say, payload, answer }: Exchange): void {
    if (answer === 'none') return this.#fault(undefined, `${say.action} was not answered`);
    const readable = readId(payload['connectorId']) !== undefined && readText(payload['idTag']) !== undefined;
    if (say.action === 'StartTransaction' && !readable) return;
    this.#fault(undefined, `${say.action} was answered with an error`);
  }

  start({ payload, response }: Exchange): void {
    const id = String(response['transactionId']);
    const connector = readId(payload['connectorId']);
    const tag = readText(payload['idTag']);
    const startedAt = readMoment(payload['timestamp']);
    const start = told(payload['meterStart']);
    const twin = this.#open().find(
      (one) =>
        [one.connector, one.tag?.toUpperCase(), one.startedAt].join() ===
          [connector, tag?.toUpperCase(), startedAt].join() && same(one.start, start),
    );
    const before = this.#known.get(id);
    if (before !== undefined) return this.#startAgain(before, startedAt);
    if (twin !== undefined && startedAt !== undefined) {
      this.#known.set(id, twin);
      return this.#fault(id, 'a start that was sent again got another id');
    }
    for (const older of this.#open()) if (older.connector === connector) this.#replace(older, startedAt);
    const report = startedAt === undefined ? 'must' : 'no';
    const bill: Expected = { ids: [id], energies: [], report, tag, place: connector };
    this.#known.set(id, { id, connector, tag, start, startedAt, registers: [], open: true, bill });
  }

  /** Unless it is older and comes late, a second start says that the first has ended. */
  #replace(older: Transaction, startedAt: number | undefined): void {
    const isLate = startedAt !== undefined && older.startedAt !== undefined && startedAt < older.startedAt;
    this.#abandon(older);
    if (!isLate) older.bill.atOnce = true;
  }

  #startAgain(before: Transaction, startedAt: number | undefined): void {
    if (before.perhaps !== undefined) return this.#reopen(before, before.perhaps);
    if (before.open || before.stop === undefined) return;
    const { at } = before.stop;
    // Sent again after its stop: it is no new session when it lies before that stop.
    if (startedAt === undefined || at === undefined || startedAt < at) return;
    this.#fault(before.id, 'a start after the stop got the id of the stopped transaction');
  }

  meter({ payload }: Exchange): void {
    const known = this.#known.get(readId(payload['transactionId']) ?? '');
    if (known?.open === true) known.registers.push(...readRegisters(payload['meterValue']));
  }

  stop({ payload }: Exchange): void {
    const id = readId(payload['transactionId']);
    const at = readMoment(payload['timestamp']);
    const meter = told(payload['meterStop']);
    const facts = [meter.said === 'energy' ? meter.energy : meter.said, at].join();
    const known = id === undefined ? undefined : this.#known.get(id);
    if (known === undefined) return this.#stranger(id, meter, at, facts, payload);
    if (known.perhaps !== undefined) this.#reopen(known, known.perhaps);
    if (known.stop !== undefined) {
      // A repetition; with other facts a person has to look.
      const unreadable = at === undefined || meter.said !== 'energy';
      if (known.stop.facts !== facts) known.bill.report = graver(known.bill.report, unreadable ? 'may' : 'must');
      return;
    }
    const corrected = !known.open && known.stop === undefined;
    this.#settle(known, meter, at, facts, payload);
    if (corrected) known.bill.report = graver(known.bill.report, 'may');
  }

  #settle(known: Transaction, meter: Told, at: number | undefined, facts: string, payload: Exchange['payload']): void {
    const { bill, start, registers } = known;
    const judged = energyOf(start, meter, registers, false);
    bill.energies = judged.energies;
    let { report } = judged;
    // Where its meter says nothing of use, the stop's own values may.
    const [first, ...rest] = readRegisters(payload['transactionData']).toReversed();
    if (report === 'must' && first !== undefined) {
      const other = energyOf(start, first, [...registers, ...rest], false);
      bill.energies = [...judged.energies, ...other.energies];
      if (other.report !== 'must') report = 'may';
    }
    bill.report = graver(bill.report, at === undefined ? 'must' : report);
    known.open = false;
    known.stop = { facts, at };
  }

  #stranger(
    id: string | undefined,
    meter: Told,
    at: number | undefined,
    facts: string,
    payload: Exchange['payload'],
  ): void {
    const key = `${id ?? '-1'} ${facts}`;
    const again = this.#strangers.get(key);
    if (again !== undefined) return;
    const tag = readText(payload['idTag']);
    const usable = id !== undefined && !/^(?:0|-\d+)$/.test(id);
    const same = this.#open().filter((one) => tag !== undefined && one.tag?.toUpperCase() === tag.toUpperCase());
    const [only] = same;
    const starts = only?.start.said === 'energy' ? only.start.energy : undefined;
    const fits = same.length === 1 && (meter.said !== 'energy' || starts === undefined || meter.energy >= starts);
    const values = readRegisters(payload['transactionData']);
    const report = at === undefined || (meter.said !== 'energy' && values.length === 0) ? 'must' : 'may';
    // No id is recorded as -1.
    const ids = id === undefined ? ['-1', ''] : [id];
    // The stop's own values may tell how it began.
    const own = values.length > 1 ? energyOf(values[0] ?? meter, values.at(-1) ?? meter, [], false).energies : [];
    const bill: Expected = { ids, energies: [undefined, ...own], report, tag, place: undefined };
    this.#strangers.set(key, bill);
    if (only === undefined || !fits) return;
    const certain = !usable && at !== undefined && only.startedAt !== undefined && at > only.startedAt && meter.said === 'energy';
    const abandoned = energyOf(only.start, { said: 'nothing' }, only.registers, false).energies;
    this.#settle(only, meter, at, facts, payload);
    only.bill.report = 'must';
    if (certain) {
      this.#strangers.set(key, only.bill);
      return;
    }
    // Whether these two belong together is not certain: both readings are right, as both are reported.
    only.bill.energies = [...only.bill.energies, ...abandoned];
    bill.unless = only.bill;
    only.perhaps = bill;
  }

  /** It goes on: the stop without its id was of another one. */
  #reopen(known: Transaction, other: Expected): void {
    delete other.unless;
    delete known.perhaps;
    delete known.stop;
    known.open = true;
    known.bill.report = 'may';
  }

  #abandon(known: Transaction): void {
    const judged = energyOf(known.start, { said: 'nothing' }, known.registers, false);
    known.bill.energies = judged.energies;
    known.bill.report = 'must';
    known.open = false;
  }

  close(): Reckoning {
    for (const known of this.#open()) this.#abandon(known);
    const bills = new Set([...this.#known.values()].map(({ bill }) => bill));
    for (const bill of this.#strangers.values()) bills.add(bill);
    return { bills: [...bills], faults: this.#faults };
  }

  #open(): Transaction[] {
    return [...new Set(this.#known.values())].filter(({ open }) => open);
  }

  #fault(id: string | undefined, what: string): void {
    this.#faults.push({ id, what });
  }
}

function same(one: Told, other: Told): boolean {
  return one.said === 'energy' && other.said === 'energy' ? one.energy === other.energy : one.said === other.said;
}
