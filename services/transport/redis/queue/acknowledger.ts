/** Acknowledges handled deliveries: one script an event-loop turn, with all outcomes so far. */
import type { DeliveryTrace } from '../../../runtime/tracing/tracing.ts';
import { isRefusal } from '../connection/connection.ts';
import { deadLetter } from '../dead-letters/dead-letter.ts';
import type { Membership } from '../lease/membership.ts';
import {
  acknowledge,
  type Handled,
  prepareAcknowledgement,
  type PreparedAcknowledgement,
} from './acknowledge.ts';
import type { Unacknowledged } from './unacknowledged.ts';
import type { InFlight } from './in-flight.ts';

/** Deliveries acknowledged by one script. */
const MAX_BATCH = 200;

export class Acknowledger {
  readonly #member: Membership;
  readonly #inFlight: InFlight;
  readonly #unacknowledged: Unacknowledged;
  readonly #handleAgain: (handled: Handled) => void;
  readonly #report: (error: Error) => void;
  #done: Handled[] = [];
  /** Of the batch that is acknowledged: their records are not as expected. */
  readonly #unexpected = new Set<Handled>();
  #running = false;

  /** @param handleAgain called for each delivery whose record was not as its outcome expects; it is still in flight */
  constructor(
    member: Membership,
    inFlight: InFlight,
    unacknowledged: Unacknowledged,
    handleAgain: (handled: Handled) => void,
    report: (error: Error) => void,
  ) {
    this.#member = member;
    this.#inFlight = inFlight;
    this.#unacknowledged = unacknowledged;
    this.#handleAgain = handleAgain;
    this.#report = report;
  }

  add(handled: Handled): void {
    this.#done.push(handled);
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#run());
  }

  /** One script at a time; outcomes that arrive meanwhile are part of the next. */
  async #run(): Promise<void> {
    while (this.#done.length > 0 && !this.#member.stopping) {
      const all = this.#done.splice(0, MAX_BATCH);
      await this.#acknowledge(all.filter(({ claimed }) => this.#inFlight.holds(claimed)));
      for (const one of all) {
        const { claimed } = one;
        if (this.#unexpected.delete(one) && this.#inFlight.holds(claimed)) {
          this.#handleAgain(one);
          continue;
        }
        if (claimed.trace !== undefined) traceEnd(claimed.trace, this.#inFlight.holds(claimed));
        this.#inFlight.settle(claimed);
      }
    }
    this.#running = false;
  }

  /** Sends a script whose reply was lost again, until it is answered or the registration is lost. */
  async #acknowledge(batch: readonly Handled[]): Promise<void> {
    const prepared = prepareAcknowledgement(this.#member.keys, batch);
    for (const { handled, reason } of prepared.invalid) {
      await this.#refuse(handled, reason);
    }
    const [first] = prepared.handled;
    if (first === undefined || !this.#inFlight.holds(first.claimed)) return;
    const attempt = async (): Promise<void> => {
      try {
        await this.#send(prepared);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        await this.#acknowledgeEach(prepared.handled, error);
      }
    };
    await this.#member.untilDone(attempt, () => !this.#inFlight.holds(first.claimed));
  }

  async #send({ handled, args }: PreparedAcknowledgement): Promise<void> {
    const { processId, commands, keys } = this.#member;
    for (const { tag, reason, held } of await acknowledge(commands, keys, processId, args)) {
      const done = handled.find(({ claimed }) => claimed.tag === tag);
      if (done === undefined) continue;
      if (held === 'unexpected') this.#unexpected.add(done);
      else if (held === 'held') await this.#refuse(done, reason);
      else {
        await this.#deadLetter(done, reason, held === 'late' ? undefined : done.claimed.raw);
        this.#reportUnstorable(done, reason, this.#member.keys.deadLetters);
      }
    }
  }

  /** Of an entry that Redis still has. */
  async #refuse(handled: Handled, reason: string): Promise<void> {
    const { keys } = this.#member;
    const handedOver = (await this.#unacknowledged.reject(handled.claimed, reason)) === 'handed-over';
    this.#reportUnstorable(handled, reason, handedOver ? keys.reclaimed : keys.deadLetters);
  }

  #reportUnstorable({ request: { frame, stationId } }: Handled, reason: string, where: string): void {
    const what = `the outcome of message ${frame.id} of station ${stationId}`;
    this.#report(new Error(`${what} cannot be stored (${reason}); it is in ${where} now`));
  }

  /** @param entry where Redis has lost it already. Sent twice it is two dead letters, of which a replay makes one effect. */
  async #deadLetter({ claimed: { tag, trace } }: Handled, reason: string, entry?: string): Promise<void> {
    const { processId, commands, keys } = this.#member;
    const letter = { processId, tag, reason, ...(entry !== undefined && { entry }) };
    await this.#member.untilDone(() => deadLetter(commands, keys, letter));
    trace?.unsettled('dead-letter');
  }

  /**
   * Redis refused the whole script. Sent one by one, the other outcomes are stored; the refused one has no effect. It is
   * handed over or becomes a dead letter, and the error names it.
   */
  async #acknowledgeEach(batch: readonly Handled[], refusal: unknown): Promise<void> {
    const ids = batch.map(({ request }) => `${request.frame.id} of station ${request.stationId}`);
    const what = `Redis refused the outcome of message ${ids.join(' or ')}`;
    this.#report(new Error(what, { cause: refusal }));
    if (batch.length > 1) for (const done of batch) await this.#acknowledge([done]);
    else for (const { claimed } of batch) await this.#unacknowledged.reject(claimed, String(refusal));
  }
}

/** What was rejected has ended already. */
function traceEnd(trace: DeliveryTrace, isHeld: boolean): void {
  if (isHeld) trace.acknowledged();
  else trace.unsettled('lost');
}
