/** OCPP 1.6: what StartTransaction, MeterValues and StopTransaction say, read in the order in which they were answered. */
import type { Exchange } from '../play.ts';
import { energyOf, type Expected, type Fault, graver, type Reckoning, type Told } from './expected.ts';
import { isAbove, isSameStart, readStart, readStop, type SaidStart, type SaidStop } from './said-1.6.ts';
import { readId, readRegisters } from './values.ts';

interface Transaction {
  readonly id: string;
  readonly start: SaidStart;
  readonly registers: Told[];
  readonly bill: Expected;
  open: boolean;
  stop?: SaidStop;
  /** The bill of a stop without its id that may be its own, or not. */
  perhaps?: Expected;
  /** What such a stop would make of it. */
  read: Expected['energies'];
}

export function reckon16(exchanges: readonly Exchange[]): Reckoning {
  const book = new Book();
  for (const exchange of exchanges) {
    const { say, answer, payload, response } = exchange;
    if (answer !== 'result') book.refused(exchange);
    else if (say.action === 'StartTransaction')
      book.start(String(response['transactionId']), readStart(payload));
    else if (say.action === 'MeterValues') book.meter(exchange);
    else if (say.action === 'StopTransaction') book.stop(readStop(payload));
  }
  return book.close();
}

class Book {
  readonly #known = new Map<string, Transaction>();
  /** Bills of stops of unknown transactions, by their facts. */
  readonly #strangers = new Map<string, Expected>();
  readonly #faults: Fault[] = [];

  /** Everything is taken: what a message lacks, its bill lacks. */
  refused({ say, answer }: Exchange): void {
    this.#fault(undefined, `${say.action} was answered with ${answer}`);
  }

  start(id: string, start: SaidStart): void {
    const before = this.#known.get(id);
    if (before !== undefined) return this.#startAgain(before, start);
    const twin = this.#all().find((one) => one.open && isSameStart(one.start, start));
    if (twin !== undefined && start.at !== undefined) {
      this.#known.set(id, twin);
      return this.#fault(id, 'a start that was sent again got another id');
    }
    for (const older of this.#all()) {
      if (start.connector === undefined || older.start.connector !== start.connector) continue;
      if (older.open) this.#replace(older, start);
      // Whichever stop it was that ended it.
      delete older.perhaps;
    }
    const { tag, connector: place, at } = start;
    const bill: Expected = { ids: [id], energies: [], report: at === undefined ? 'must' : 'no', tag, place };
    this.#known.set(id, { id, start, registers: [], open: true, bill, read: [] });
  }

  /** Unless it is older and comes late, a second start says that the first has ended. */
  #replace(older: Transaction, { at }: SaidStart): void {
    const isTimed = at !== undefined && older.start.at !== undefined;
    if (isTimed && at < older.start.at) return;
    this.#abandon(older);
    older.bill.atOnce = isTimed;
  }

  /** A start that got the id of a transaction that is known. */
  #startAgain(before: Transaction, { at }: SaidStart): void {
    if (before.perhaps !== undefined) return this.#reopen(before, before.perhaps);
    if (before.open || before.stop === undefined) return;
    // Sent again after its stop: it is no new session when it lies before that stop.
    if (at === undefined || before.stop.at === undefined || at < before.stop.at) return;
    this.#fault(before.id, 'a start after the stop got the id of the stopped transaction');
  }

  meter({ payload }: Exchange): void {
    const known = this.#known.get(readId(payload['transactionId']) ?? '');
    if (known === undefined || (!known.open && known.perhaps === undefined)) return;
    known.registers.push(...readRegisters(payload['meterValue']));
    // It may be open still.
    if (!known.open) known.bill.energies = [...known.bill.energies, ...this.#abandoned(known)];
  }

  stop(stop: SaidStop): void {
    const known = stop.id === undefined ? undefined : this.#known.get(stop.id);
    if (known === undefined) return this.#stranger(stop);
    if (known.perhaps !== undefined) this.#reopen(known, known.perhaps);
    const { bill } = known;
    if (known.stop !== undefined) {
      // A repetition; with other facts a person has to look.
      const isReadable = stop.at !== undefined && stop.meter.said === 'energy';
      if (known.stop.facts !== stop.facts) bill.report = graver(bill.report, isReadable ? 'must' : 'may');
      return;
    }
    const corrects = !known.open;
    this.#settle(known, stop);
    if (corrects) bill.report = graver(bill.report, 'may');
  }

  #settle(known: Transaction, stop: SaidStop): void {
    const { bill, start, registers, read } = known;
    const { meter, values, at } = stop;
    const judged = energyOf(start.meter, meter, registers, false);
    let { energies, report } = judged;
    // Where its meter says nothing of use, the stop's own values may.
    const own = values.at(-1);
    if (report === 'must' && own !== undefined) {
      const other = energyOf(start.meter, own, [...registers, ...values.slice(0, -1)], false);
      energies = [...energies, ...other.energies];
      if (other.report !== 'must') report = 'may';
    }
    bill.energies = [...energies, ...read];
    bill.report = graver(bill.report, at === undefined ? 'must' : report);
    known.open = false;
    known.stop = stop;
  }

  /** A stop under an id that was never given, or under none. */
  #stranger(stop: SaidStop): void {
    const { id, tag, at, meter, values, key } = stop;
    if (this.#strangers.has(key)) return;
    // The stop's own values may tell how it began.
    const [first, last] = [values[0], values.at(-1)];
    const own = first === undefined || last === undefined ? [] : energyOf(first, last, [], false).energies;
    const isReadable = at !== undefined && (meter.said === 'energy' || values.length > 0);
    const bill: Expected = {
      // No id is recorded as -1.
      ids: id === undefined ? ['-1', ''] : [id],
      energies: [undefined, ...own],
      report: isReadable ? 'may' : 'must',
      tag,
      place: undefined,
    };
    this.#strangers.set(key, bill);
    const candidates = this.#candidates(stop);
    const open = candidates.filter((one) => one.open);
    const only = open.length === 1 ? open[0] : candidates.length === 1 ? candidates[0] : undefined;
    if (only !== undefined && isAbove(stop, only.start.meter))
      this.#link(only, stop, bill, key, candidates.length === 1);
  }

  /** Transactions of the token that may be open. */
  #candidates(stop: SaidStop): Transaction[] {
    const tag = stop.tag?.toUpperCase();
    const open = this.#all().filter((one) => one.open || one.perhaps !== undefined);
    return open.filter((one) => tag !== undefined && one.start.tag?.toUpperCase() === tag);
  }

  #link(only: Transaction, stop: SaidStop, bill: Expected, key: string, isAlone: boolean): void {
    const { perhaps, start } = only;
    if (perhaps !== undefined) this.#reopen(only, perhaps);
    const isLater = stop.at !== undefined && start.at !== undefined && stop.at > start.at;
    const isCertain =
      isAlone && perhaps === undefined && !stop.hasId && isLater && stop.meter.said === 'energy';
    const abandoned = this.#abandoned(only);
    this.#settle(only, stop);
    only.bill.report = 'must';
    if (isCertain) {
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
    other.optional = true;
    delete known.perhaps;
    delete known.stop;
    known.read = known.bill.energies;
    known.open = true;
    known.bill.report = 'may';
  }

  #abandon(known: Transaction): void {
    const { bill, read } = known;
    bill.energies = [...this.#abandoned(known), ...read];
    bill.report = 'must';
    known.open = false;
  }

  #abandoned({ start, registers }: Transaction): Expected['energies'] {
    return energyOf(start.meter, { said: 'nothing' }, registers, false).energies;
  }

  close(): Reckoning {
    for (const known of this.#all()) if (known.open) this.#abandon(known);
    const bills = new Set([...this.#all().map(({ bill }) => bill), ...this.#strangers.values()]);
    return { bills: [...bills], faults: this.#faults };
  }

  #all(): Transaction[] {
    return [...new Set(this.#known.values())];
  }

  #fault(id: string | undefined, what: string): void {
    this.#faults.push({ id, what });
  }
}
