/** Finishes what is handled: one script an event-loop turn takes whatever is done by then. */
import type { Outcome } from '../../transport.ts';
import { isRefusal, unavailable } from '../connection/connection.ts';
import type { Request } from './envelope.ts';
import { finishArguments } from './acknowledge-arguments.ts';
import type { Membership } from '../lease/membership.ts';
import { DEAD_LETTERS_KEPT } from '../lease/reclaim.ts';

/** Deliveries finished by one script. */
const MAX_FINISH = 200;

export interface Done {
  /** Running number of the delivery. */
  readonly number: string;
  readonly request: Request;
  /** As it was handed out. */
  readonly entry: string;
  readonly outcome: Outcome;
  /** Loses the number once the delivery is finished. */
  readonly inHand: Set<string>;
}

export class Finisher {
  readonly #member: Membership;
  readonly #onFinished: () => void;
  readonly #report: (error: Error) => void;
  #done: Done[] = [];
  #running = false;

  constructor(member: Membership, onFinished: () => void, report: (error: Error) => void) {
    this.#member = member;
    this.#onFinished = onFinished;
    this.#report = report;
  }

  add(done: Done): void {
    this.#done.push(done);
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#run());
  }

  /** The registration is lost: what is done is others' to do again. */
  forget(): void {
    this.#done = [];
  }

  /** One script at a time; what gets done meanwhile goes into the next. */
  async #run(): Promise<void> {
    while (this.#done.length > 0 && !this.#member.stopping) {
      const batch = this.#done.splice(0, MAX_FINISH);
      await this.#finishBatch(batch, this.#member.pid);
      for (const { number, inHand } of batch) inHand.delete(number);
      this.#onFinished();
    }
    this.#running = false;
  }

  /** Sends a script whose reply was lost again, until it is answered or the deliveries are not `pid`'s any more. */
  async #finishBatch(batch: readonly Done[], pid: string): Promise<void> {
    for (let failures = 0; pid === this.#member.pid && !this.#member.stopping;) {
      try {
        return await this.#finish(batch);
      } catch (error) {
        if (isRefusal(error)) return this.#finishOthers(batch, pid, error);
        if (failures++ % 10 === 3) this.#report(unavailable(this.#member.addr, error));
        await this.#member.pause(failures);
      }
    }
  }

  async #finish(batch: readonly Done[]): Promise<void> {
    const { pid, commands, keys } = this.#member;
    const head = [keys.prefix, new Date().toISOString(), DEAD_LETTERS_KEPT];
    const deliveries = batch.flatMap(({ number, request, outcome }) =>
      finishArguments(keys, number, request, outcome),
    );
    const reply = await commands.finish(keys.processing(pid), keys.requests, ...head, ...deliveries);
    for (let i = 1; i < reply.length; i += 3) {
      const [number, reason = '', kept] = reply.slice(i, i + 3).map(String);
      const done = batch.find((one) => one.number === number);
      if (done === undefined) continue;
      if (kept === '') await this.#bury(done, reason);
      const { frame, stationId } = done.request;
      const what = `the outcome of message ${frame.id} of station ${stationId}`;
      this.#report(new Error(`${what} cannot be stored (${reason}); it is in ${keys.deadLetters} now`));
    }
  }

  /** Redis has no copy of it any more. Sent twice it is two dead letters, of which a replay makes one effect. */
  async #bury({ number, entry }: Done, reason: string): Promise<void> {
    const { pid, commands, keys } = this.#member;
    for (let failures = 0; !this.#member.stopping; failures++) {
      try {
        await commands.bury(keys.processing(pid), keys.deadLetters, number, reason, DEAD_LETTERS_KEPT, entry);
        return;
      } catch (error) {
        if (failures % 10 === 3) this.#report(unavailable(this.#member.addr, error));
        await this.#member.pause(failures);
      }
    }
  }

  /**
   * Redis refused the whole script. Tried one by one, what the others ask for is stored; which one is at fault
   * shows, and that one has no effect that could be told.
   */
  async #finishOthers(batch: readonly Done[], pid: string, refusal: unknown): Promise<void> {
    const ids = batch.map(({ request }) => `${request.frame.id} of station ${request.stationId}`);
    const what = `the outcome of message ${ids.join(' or ')} was refused by Redis`;
    this.#report(new Error(what, { cause: refusal }));
    if (batch.length > 1) for (const done of batch) await this.#finishBatch([done], pid);
  }
}
