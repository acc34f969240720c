/**
 * Handshakes above the rate wait in line, unanswered, instead of being refused: firmware retries a refusal whenever it
 * likes, and a line returns a storm of stations at exactly the rate. A line that is too long refuses with the time at
 * which there will be room.
 *
 * Known stations are ahead of new ones, which get a tenth of the rate at least, and half of the places at most: a client that
 * invents identities delays no station of the fleet.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../runtime/clock.ts';
import type { Refusal } from '../handshake.ts';
import { RateLine } from './rate-line.ts';
import { spentOf } from './rates.ts';

/** Whose handshake waits. */
export interface Arrival {
  readonly isKnown: boolean;
  /** 0 to 1, the same each time: what is added to Retry-After. */
  readonly spread: number;
}

export interface HandshakeLineOptions {
  /** Handshakes per second; read each time, as it may change. */
  readonly perSecond: () => number;
  /** Of the next seconds, with a demand of so many now; `perSecond` by default. */
  readonly expectedPerSecond?: (demand: number) => number;
  /** Whether the rates above are those of now; otherwise nothing that waits is refused because of them. True by default. */
  readonly isRateKnown?: () => boolean;
  readonly clock: Clock;
  /** Handshakes that wait at most. */
  readonly maxWaiting?: number;
}

/** A handshake joins a line of so many seconds' worth of the rate. Load balancers and firmware wait longer for a response. */
const LONGEST_LINE = 10;
/** No handshake waits longer, whatever became of the rate; ms. */
const MAX_WAIT = 20_000;
/** Of a line that takes longer than this, the newest handshakes are refused; ms. */
const LONGEST_WAIT = 17_000;
/** A waiting handshake holds a TCP connection and its request. */
const MAX_WAITING = 5000;
/** Longest Retry-After; s. */
const MAX_RETRY_AFTER = 300;
/** New stations hold so much of the places at most. */
const NEW_PLACES = 0.5;
/** What is added to Retry-After to spread it, at most; s. */
const RETRY_SPREAD = 2;
/** Refused stations return while so much of the line still waits, so that their delays leave no gap; s. */
const RETURN_BEFORE = 4;

/** `left`: its peer has hung up, or the line was cleared. */
export type Turn = 'now' | 'left' | Refusal;

export class HandshakeLine implements Disposable {
  readonly #options: HandshakeLineOptions;
  readonly #line: RateLine;
  /** When the last refused station is to try again; ms since 1970. */
  #promised = 0;

  constructor(options: HandshakeLineOptions) {
    const { perSecond, clock } = options;
    this.#options = options;
    // A line that was joined at a higher rate: those that would wait in vain are refused now, new stations first.
    const { isRateKnown = () => true } = options;
    const most = () =>
      isRateKnown() ? Math.ceil(spentOf(this.#expectedPerSecond) * (LONGEST_WAIT / 1000)) : Infinity;
    this.#line = new RateLine({ perSecond, clock, maxWaitMs: MAX_WAIT, most });
  }

  get waiting(): number {
    return this.#line.waiting;
  }

  /** Handshakes since the last call, refused ones included, and those that wait. */
  takeDemand(): number {
    return this.#line.takeDemand();
  }

  /** Resolves when it is the turn of this handshake, immediately if there is no line. */
  async wait(tcp: Duplex, { isKnown, spread }: Arrival): Promise<Turn> {
    if (this.#isFullFor(isKnown)) {
      this.#line.missed();
      return this.#refusal(spread);
    }
    const entry = this.#line.join(!isKnown);
    if (entry === undefined) return 'now';
    using _ = onHangUp(tcp, () => entry.leave());
    const ended = await entry.ended;
    return ended === 'released' ? 'now' : ended === 'left' ? 'left' : this.#refusal(spread);
  }

  /** All leave that wait. */
  clear(): void {
    this.#line.clear();
  }

  #isFullFor(isKnown: boolean): boolean {
    const { waiting, classes, mustWait } = this.#line;
    const { maxWaiting = MAX_WAITING } = this.#options;
    if (waiting >= maxWaiting || (!isKnown && classes.second >= maxWaiting * NEW_PLACES)) return true;
    const ahead = isKnown ? classes.first : waiting;
    return mustWait && ahead + 1 > LONGEST_LINE * this.#expectedPerSecond;
  }

  /** How long a handshake that came now would wait; ms. */
  get #expectedWait(): number {
    return (this.#line.waiting + 1) * this.#pause;
  }

  /** Between two handshakes in the next seconds; ms. */
  get #pause(): number {
    return 1000 / spentOf(this.#expectedPerSecond);
  }

  get #expectedPerSecond(): number {
    const { perSecond, expectedPerSecond = perSecond } = this.#options;
    return expectedPerSecond(this.#line.demand);
  }

  /** Each gets a time of its own, so that refused stations return at the rate. */
  #refusal(spread: number): Refusal {
    const now = this.#options.clock.now();
    const room = Math.max(0, this.#expectedWait - RETURN_BEFORE * 1000);
    const next = Math.max(this.#promised, now + room) + this.#pause;
    this.#promised = Math.min(next, now + MAX_RETRY_AFTER * 1000);
    const seconds = Math.min(next - now, MAX_RETRY_AFTER * 1000) / 1000 + spread * RETRY_SPREAD;
    return {
      status: 429,
      code: 'connect-rate',
      reason: 'too many stations are connecting, retry later',
      retryAfterSeconds: Math.ceil(seconds),
    };
  }

  [Symbol.dispose](): void {
    this.#line[Symbol.dispose]();
  }
}

/**
 * Notices the end of a connection that has no reader yet. Data that arrive meanwhile stay in the stream, which stops reading
 * when it is full.
 */
function onHangUp(tcp: Duplex, hungUp: () => void): Disposable {
  // The end of a stream is noticed by reading only; a read of an empty stream takes nothing.
  const read = () => {
    if (tcp.readableLength === 0) tcp.read();
  };
  const end = () => tcp.destroy();
  tcp.on('readable', read).on('end', end).on('close', hungUp);
  if (tcp.destroyed) hungUp();
  return {
    [Symbol.dispose]() {
      tcp.off('readable', read).off('end', end).off('close', hungUp);
    },
  };
}
