/**
 * The rate of the messages of all sockets of a process together. While it is exceeded, no socket may send more than an equal part,
 * so that a few that send much do not slow down the others. As soon as the whole is within its rate again, they are read: what the
 * others do not use is theirs.
 */

/** What the rate keeps for one socket; the socket owns it. */
export class SharedPart {
  /** The last interval in which the socket sent something. */
  interval = -1;
  /** When its messages would have arrived, had it sent its equal part only; ms since 1970. */
  freeAt = 0;
}

/** Senders are counted in intervals of this length, longer than most sockets wait; ms. */
const INTERVAL = 5000;
/** How far the whole, and each socket, may be ahead; ms. */
const AHEAD = 1000;
/** Messages that a socket may always be ahead, however small its part is. */
const LEAST_AHEAD = 2;

export class SharedRate {
  /** When the messages of all would have arrived at the rate; ms since 1970. */
  #freeAt = 0;
  #interval = 0;
  /** Sockets that sent something in this interval, and in the one before. */
  #senders = 0;
  #sendersBefore = 0;

  /**
   * Counts a message.
   * @param perSecond of all sockets
   * @returns until when the socket is not to be read, ms since 1970; 0: it is within its part, or the whole is within the rate
   */
  count(part: SharedPart, perSecond: number, now: number): number {
    this.#begin(Math.floor(now / INTERVAL));
    if (part.interval !== this.#interval) {
      part.interval = this.#interval;
      this.#senders += 1;
    }
    const senders = Math.max(this.#senders, this.#sendersBefore);
    this.#freeAt = Math.max(this.#freeAt, now) + 1000 / perSecond;
    const apart = (1000 * senders) / perSecond;
    part.freeAt = Math.max(part.freeAt, now) + apart;
    const isOver = this.#freeAt - now > AHEAD;
    const isAhead = part.freeAt - now > Math.max(AHEAD, LEAST_AHEAD * apart);
    return isOver && isAhead ? Math.min(part.freeAt, this.#freeAt) : 0;
  }

  #begin(interval: number): void {
    if (interval === this.#interval) return;
    this.#sendersBefore = interval === this.#interval + 1 ? this.#senders : 0;
    this.#senders = 0;
    this.#interval = interval;
  }
}
