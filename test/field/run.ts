/** Runs one case in a world and a mode: sends its texts, compares each response, and the stored result at the end. */
import type { Validation } from '../../services/csms/handler.ts';
import type { CallOutcome } from '../../services/transport/station-call.ts';
import { type Case, expectedIn, fateOf, type Handshake, type Step } from './cases.ts';
import { mismatches } from './pattern.ts';
import { replyDifferences, replyTo } from './reply.ts';
import { RefusedHandshake, SloppyStation, statusOf } from './station.ts';
import { type Sent, storedDifferences } from './stored.ts';
import { durationOf, filledIn, textAt } from './texts.ts';
import type { World } from './world.ts';

const OUTCOME_MS = 3000;

/** The differences from the case's expectations, one line each. */
export async function differencesOf(
  found: Case,
  mode: Validation,
  world: World,
  stationId: string,
): Promise<string[]> {
  const run = new Run(found, mode, world, stationId);
  try {
    for (const [token, entry] of Object.entries(found.tokens ?? {}))
      await world.store.setField('tokens', token.toUpperCase(), entry);
    for (const [index, step] of found.steps.entries()) {
      const differences = await run.step(step);
      if (differences.length > 0) return differences.map((text) => `step ${index + 1}: ${text}`);
    }
    return await storedDifferences(expectedIn(found, mode), run.sent, world, run.names);
  } finally {
    await run.end();
  }
}

class Run {
  readonly names = new Map<string, string>();
  readonly sent: Sent[] = [];
  readonly #found: Case;
  readonly #mode: Validation;
  readonly #world: World;
  readonly #stations = new Map<string, SloppyStation>();
  #call: Promise<CallOutcome> | undefined;
  #probes = 0;

  constructor(found: Case, mode: Validation, world: World, stationId: string) {
    this.#found = found;
    this.#mode = mode;
    this.#world = world;
    this.names.set('station', stationId);
  }

  async step(step: Step): Promise<string[]> {
    const { as = '', connect, call, send, binary, closed, outcome } = step;
    await this.#prepare(as, step);
    if (connect !== undefined) return this.#handshake(as, connect);
    if (call !== undefined) return this.#called(as, call);
    if (binary !== undefined) (await this.#station(as)).sendBinary(binary);
    if (closed !== undefined) return this.#closed(as, closed);
    if (outcome !== undefined)
      return this.#ended(this.#mode === 'Strict' ? (step.strict?.outcome ?? outcome) : outcome);
    if (send === undefined) return [];
    const text = filledIn(send, this.names);
    for (let left = step.times ?? 1; left > 0; left--) {
      const differences = await this.#said(as, text, step);
      if (differences.length > 0) return differences;
    }
    return [];
  }

  /** The actions of a step other than messages of the station. */
  async #prepare(as: string, { advance, sweep, registration, reconnect }: Step): Promise<void> {
    if (advance !== undefined) this.#world.advance(durationOf(advance));
    if (sweep) await this.#world.sweep();
    if (registration !== undefined) {
      const value = registration === 'none' ? undefined : registration;
      await this.#world.store.setField('registrations', this.#identity(as), value);
    }
    if (reconnect) await this.#hangUp(as);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#stations.keys()].map((as) => this.#hangUp(as)));
    this.#call?.catch(() => undefined);
  }

  #identity(as: string): string {
    const own = this.names.get('station') ?? '';
    if (as === '') return own;
    this.names.set(as, `${own}.${as}`);
    return `${own}.${as}`;
  }

  async #station(as: string): Promise<SloppyStation> {
    const known = this.#stations.get(as);
    if (known !== undefined) return known;
    const path = `/ocpp/${this.#identity(as)}`;
    const { address } = this.#world;
    const station = await SloppyStation.connect({ address, path, protocols: [this.#found.protocol] });
    this.#stations.set(as, station);
    return station;
  }

  async #hangUp(as: string): Promise<void> {
    await this.#stations.get(as)?.close();
    this.#stations.delete(as);
  }

  async #handshake(as: string, wanted: Handshake): Promise<string[]> {
    await this.#hangUp(as);
    this.#identity(as);
    const { address } = this.#world;
    const { path = '/ocpp/${station}', protocols = [this.#found.protocol], request, status } = wanted;
    if (request !== undefined) {
      const answered = await statusOf(address, filledIn(request, this.names));
      return mismatches(status, answered, 0, 'status');
    }
    const dial = { address, path: filledIn(path, this.names), protocols };
    const station = await SloppyStation.connect(dial).catch((error: unknown) => {
      if (error instanceof RefusedHandshake) return error.status;
      throw error;
    });
    if (typeof station === 'number')
      return status === undefined
        ? [`the handshake was answered ${station}`]
        : mismatches(status, station, 0, 'status');
    this.#stations.set(as, station);
    if (status !== undefined) return [`the handshake was accepted, not answered ${status}`];
    if (wanted.protocol !== undefined) {
      const differences = mismatches(wanted.protocol, station.protocol || 'none', 0, 'subprotocol');
      if (differences.length > 0) return differences;
    }
    return wanted.closed === undefined ? [] : this.#closed(as, wanted.closed);
  }

  async #closed(as: string, code: number): Promise<string[]> {
    const station = await this.#station(as);
    const late = new Promise<'open'>((resolve) => setTimeout(resolve, 5000, 'open').unref());
    return mismatches(code, await Promise.race([station.ended, late]), 0, 'close code');
  }

  async #called(as: string, { action, payload }: { action: string; payload: object }): Promise<string[]> {
    const station = await this.#station(as);
    if (this.#world.transport === undefined)
      throw new Error('this world has no CSMS that can call a station');
    this.#call = this.#world.transport.calls.make({ stationId: this.#identity(as), action, payload });
    this.#call.catch(() => undefined);
    const text = await station.next(`the CALL ${action}`);
    if (text === undefined) return [`the connection ended before the CALL ${action}`];
    this.names.set('call', textAt(JSON.parse(text), '/1'));
    return mismatches([2, '$any', action, '$any'], JSON.parse(text), 0, 'the CALL');
  }

  async #ended(pattern: unknown): Promise<string[]> {
    const late = new Promise<'open still'>((resolve) =>
      setTimeout(resolve, OUTCOME_MS, 'open still').unref(),
    );
    return mismatches(pattern, await Promise.race([this.#call, late]), 0, 'the outcome');
  }

  /** Sends a text and compares the response. */
  async #said(as: string, text: string, step: Step): Promise<string[]> {
    const station = await this.#station(as);
    const fate = fateOf(step, this.#mode);
    if (fate !== undefined) {
      this.sent.push({ fate, text, stationId: this.#identity(as), again: step.again === true });
    }
    station.send(text, step.encoding);
    if (this.#mode === 'Strict' && step.strict?.closed !== undefined)
      return this.#closed(as, step.strict.closed);
    const reply = replyTo(step, this.#mode);
    if (reply.answer === 'none') return this.#silence(station, text);
    const answer = await station.next(text);
    if (answer === undefined) return [`the connection ended after ${text}`];
    const differences = replyDifferences(reply, text, answer, fate, this.#world.clock.now(), this.names);
    if (differences.length > 0)
      return differences.map((one) => `${text}\n    was answered ${answer}\n    ${one}`);
    if (reply.error === undefined) this.#save(step, answer);
    return [];
  }

  #save({ save = {} }: Step, answer: string): void {
    for (const [name, pointer] of Object.entries(save))
      this.names.set(name, textAt(JSON.parse(answer), pointer));
  }

  /** No response: the response to the next CALL arrives first. */
  async #silence(station: SloppyStation, text: string): Promise<string[]> {
    const id = `probe-${++this.#probes}`;
    station.send(`[2,"${id}","Heartbeat",{}]`);
    const answer = await station.next(`after ${text}`);
    const probed = answer?.startsWith(`[3,"${id}",`) || answer?.startsWith(`[4,"${id}",`);
    return probed ? [] : [`${text} was answered ${answer ?? 'with the end of the connection'}`];
  }
}
