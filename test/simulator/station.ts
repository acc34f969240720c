/**
 * The life of a simulated station: it boots once, then goes round (idle, authorised, charging, idle) one
 * message a tick, whether it is connected or not, as cars do. While it is offline its messages queue up to
 * a bound; then it says no more until it is back.
 */
import type { Call } from '../../services/ocpp/frame.ts';
import type { Ledger } from './ledger.ts';
import { Link, type LinkOptions } from './link.ts';
import { type Dialect, dialectOf, newTransaction, type Transaction } from './messages.ts';

export interface StationOptions extends Omit<LinkOptions, 'onCommand'> {
  /** Mean time between two of its messages; ms. */
  readonly cadenceMs: number;
  /** It begins to charge at once and ends when it finishes. */
  readonly chargesLong?: boolean;
  /** It charges when a command starts it, until one stops it, and never by itself. */
  readonly obeys?: boolean;
  /** It says no more while so many of its messages wait. */
  readonly mostWaiting: number;
}

/** Meter readings of one charging session, and what each adds; Wh. */
const READINGS = 3;
const WATT_HOURS = 500;

export class Station {
  readonly link: Link;
  readonly #options: StationOptions;
  readonly #ledger: Ledger;
  readonly #dialect: Dialect;
  readonly #life: Generator<void, never>;
  #timer: NodeJS.Timeout | undefined;
  #transaction: Transaction | undefined;
  #meter = 0;
  /** Token of the command that it obeys now. */
  #wanted: string | undefined;

  constructor(options: StationOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
    this.link = new Link({ ...options, onCommand: (call) => this.#obey(call) }, ledger);
    this.#dialect = dialectOf(options.protocol);
    this.#life = options.obeys === true ? this.#serve() : this.#live();
  }

  start(): void {
    this.link.connect();
    this.#boot();
    this.#tick();
  }

  /** Begins nothing new, ends its transaction. It is done when nothing waits for an answer. */
  finish(): void {
    clearTimeout(this.#timer);
    if (this.#transaction === undefined) return;
    this.#stopCharging();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.link.end();
  }

  #boot(): void {
    const boot = this.#dialect.boot(({ status, interval }) => {
      // Pending or Rejected: again after the interval that the CSMS names (1.6 §4.2, 2.x B02, B03).
      if (status !== 'Accepted') setTimeout(() => this.#boot(), Math.max(1, Number(interval)) * 1000).unref();
      return undefined;
    });
    this.link.call(boot);
  }

  #tick(): void {
    const { cadenceMs, random, mostWaiting } = this.#options;
    this.#timer = setTimeout(
      () => {
        if (this.link.waiting < mostWaiting) this.#life.next();
        this.#tick();
      },
      cadenceMs * (0.5 + random()),
    );
  }

  *#live(): Generator<void, never> {
    const { link } = this;
    const dialect = this.#dialect;
    for (;;) {
      yield link.call(dialect.status(false));
      yield link.call(dialect.heartbeat());
      const idTag = `TAG${Math.floor(this.#options.random() * 1000)}`;
      yield link.call(dialect.authorize(idTag));
      const transaction = this.#newTransaction(idTag);
      yield link.call(dialect.start(transaction));
      yield link.call(dialect.status(true));
      for (let reading = 0; reading < READINGS || this.#options.chargesLong === true; reading++) {
        transaction.meter += WATT_HOURS;
        yield link.call(dialect.meter(transaction));
      }
      yield this.#stopCharging();
    }
  }

  *#serve(): Generator<void, never> {
    const { link } = this;
    const dialect = this.#dialect;
    yield link.call(dialect.status(false));
    for (;;) {
      const idTag = this.#wanted;
      if (idTag === undefined) {
        yield link.call(dialect.heartbeat());
        continue;
      }
      const transaction = this.#newTransaction(idTag);
      yield link.call(dialect.start(transaction));
      yield link.call(dialect.status(true));
      while (this.#wanted !== undefined) {
        transaction.meter += WATT_HOURS;
        yield link.call(dialect.meter(transaction));
      }
      this.#stopCharging();
      yield link.call(dialect.status(false));
    }
  }

  #obey({ action, payload }: Call): void {
    if (/^(?:Remote|Request)StopTransaction$/.test(action)) this.#wanted = undefined;
    if (!/^(?:Remote|Request)StartTransaction$/.test(action)) return;
    const { idTag, idToken } = payload as {
      readonly idTag?: string;
      readonly idToken?: { readonly idToken: string };
    };
    this.#wanted = idTag ?? idToken?.idToken;
  }

  #newTransaction(idTag: string): Transaction {
    const transaction = newTransaction(this.#options.identity, idTag, this.#meter);
    this.#transaction = transaction;
    this.#ledger.transactions.push(transaction);
    return transaction;
  }

  #stopCharging(): void {
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    this.#transaction = undefined;
    this.#meter = transaction.meter;
    this.link.call(this.#dialect.stop(transaction));
  }
}
