/**
 * The life of a simulated station: it boots once, then goes round (idle, authorised, charging, idle) one
 * message a tick, whether it is connected or not, as cars do. While it is offline its messages queue up to
 * a bound; then it says no more until it is back.
 */
import type { Ledger } from './ledger.ts';
import { Link, type LinkOptions } from './link.ts';
import { type Dialect, dialectOf, newTransaction, type Transaction } from './messages.ts';

export interface StationOptions extends LinkOptions {
  /** Mean time between two of its messages; ms. */
  readonly cadenceMs: number;
  /** It begins to charge at once and ends when it finishes. */
  readonly chargesLong?: boolean;
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

  constructor(options: StationOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
    this.link = new Link(options, ledger);
    this.#dialect = dialectOf(options.protocol);
    this.#life = this.#live();
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
      const transaction = newTransaction(this.#options.identity, idTag, this.#meter);
      this.#transaction = transaction;
      this.#ledger.transactions.push(transaction);
      yield link.call(dialect.start(transaction));
      yield link.call(dialect.status(true));
      for (let reading = 0; reading < READINGS || this.#options.chargesLong === true; reading++) {
        transaction.meter += WATT_HOURS;
        yield link.call(dialect.meter(transaction));
      }
      yield this.#stopCharging();
    }
  }

  #stopCharging(): void {
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    this.#transaction = undefined;
    this.#meter = transaction.meter;
    this.link.call(this.#dialect.stop(transaction));
  }
}
