/** The messages that are not handled yet, first in, first out: those of one second together. Amounts may have fractions. */

interface Cohort {
  readonly second: number;
  /** Deliveries that one of its messages takes: more than one if some of them fail and are redelivered. */
  readonly deliveries: number;
  /** At first; they arrived evenly over their second. */
  readonly size: number;
  messages: number;
}

export class Backlog {
  #cohorts: Cohort[] = [];
  #first = 0;
  #messages = 0;

  /** Less than half a message is rounding. */
  get messages(): number {
    return this.#messages < 0.5 ? 0 : this.#messages;
  }

  add(messages: number, deliveries: number, second: number): void {
    if (!(messages > 0)) return;
    this.#cohorts.push({ second, deliveries, size: messages, messages });
    this.#messages += messages;
  }

  /** Handles the oldest messages. @param deliveries at most @returns what was used, and the messages that ended */
  handle(deliveries: number): { readonly deliveries: number; readonly messages: number } {
    let left = deliveries;
    let messages = 0;
    for (; left > 0; this.#first += 1) {
      const cohort = this.#cohorts[this.#first];
      if (cohort === undefined) break;
      const done = Math.min(cohort.messages, left / cohort.deliveries);
      left -= done * cohort.deliveries;
      messages += done;
      cohort.messages -= done;
      if (cohort.messages > 1e-9) break;
    }
    this.#messages = Math.max(0, this.#messages - messages);
    if (this.#first > 1000) this.#cohorts = this.#cohorts.slice(this.#first);
    if (this.#first > 1000) this.#first = 0;
    return { deliveries: deliveries - Math.max(0, left), messages };
  }

  /** Age of the oldest message behind the first `skipped` ones, s; 0 if there is none. */
  oldest(skipped: number, now: number): number {
    if (this.messages === 0) return 0;
    let ahead = skipped;
    for (let index = this.#first; index < this.#cohorts.length; index += 1) {
      const cohort = this.#cohorts[index];
      if (cohort === undefined) break;
      const left = cohort.messages - ahead;
      if (left > 0.5) return now - cohort.second - (cohort.size - left) / cohort.size;
      ahead -= cohort.messages;
    }
    return 0;
  }
}
