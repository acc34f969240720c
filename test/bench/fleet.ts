/** Many stations, and the two ways to drive them: in a closed loop, and at a rate of their own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageFrame, Station } from './station.ts';

/** What a station says again and again. */
export interface Part {
  readonly texts: readonly string[];
  /** Where it begins; left out: with the first one. */
  readonly from?: number;
}

/** In place of a text: the station connects again and sends the next one. */
export const RECONNECT = 'reconnect';

/** Where stations connect: `ws://host:port/path/`, the identity follows. */
export type Endpoint = string;

/** A thousand handshakes a second, which a proxy admits by default. */
const CONNECTS_PER_STEP = 50;
const CONNECT_STEP_MS = 50;
/** A CALL that waits longer will never be answered; ms. */
const PATIENCE = 30_000;

/** CALLs of all fleets: a meter of a station rises, also when a later fleet plays it. */
let count = 0;

export class Fleet implements Disposable {
  /** Time from each CALL to its answer since the last `reset`; ms. */
  readonly latencies: number[] = [];
  /** Why this run says nothing: CALLERRORs and lost connections. */
  readonly faults: string[] = [];
  /** By number. */
  readonly #stations: Station[] = [];
  readonly #loops = new Map<Station, Loop>();
  /** Those that reconnect. */
  readonly #leaving = new Set<Station>();
  #endpoints: readonly Endpoint[] = [];
  #callAnswer: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #next: ((station: Station) => void) | undefined;
  #onText: ((station: Station, text: string) => void) | undefined;

  get size(): number {
    return this.#stations.length;
  }

  /** Connects so many stations more, in turn to each endpoint. @throws Error when one is refused */
  async connect(endpoints: readonly Endpoint[], count: number): Promise<void> {
    this.#endpoints = endpoints;
    const end = this.size + count;
    while (this.size < end) {
      const step = Math.min(CONNECTS_PER_STEP, end - this.size);
      const first = this.size;
      const some = Array.from({ length: step }, (_, i) => this.#connect(endpoints, first + i));
      await Promise.all([...some, sleep(CONNECT_STEP_MS)]);
    }
  }

  /** Sends one CALL each and resolves to the answers' texts by station. */
  async ask(text: string, atOnce = 500): Promise<Map<Station, string>> {
    const answers = new Map<Station, string>();
    for (let from = 0; from < this.#stations.length; from += atOnce) {
      const some = this.#stations.slice(from, from + atOnce);
      const frame = new MessageFrame(text);
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no answer to ${text.slice(0, 60)}`)), PATIENCE);
        let open = some.length;
        this.#onText = (station, answer) => {
          answers.set(station, answer);
          if (--open > 0) return;
          clearTimeout(late);
          resolve();
        };
        for (const station of some) station.send(frame.with(++count, station.transaction));
      });
    }
    this.#onText = undefined;
    this.reset();
    return answers;
  }

  /** Every station sends its next CALL when the last one is answered. */
  startClosedLoop(partOf: (number: number) => Part): void {
    this.#deal(partOf);
    this.#next = (station) => this.#say(station);
    for (const station of this.#stations) this.#next(station);
  }

  /** CALLs come as from many who know nothing of each other: exponential gaps, at the timer's step of 1 ms. */
  startOpenLoop(perSecond: number, partOf: (number: number) => Part): void {
    this.#deal(partOf);
    let due = performance.now();
    let turn = 0;
    this.#timer = setInterval(() => {
      const now = performance.now();
      while (due <= now) {
        const station = this.#stations[turn++ % this.#stations.length];
        if (station !== undefined) this.#say(station);
        due -= (Math.log(1 - Math.random()) * 1000) / perSecond;
      }
    }, 1);
  }

  /** From here on each station answers a CALL of the CSMS with a CALLRESULT of this payload (JSON). */
  answerCalls(payload: string): void {
    this.#callAnswer = payload;
  }

  reset(): void {
    this.latencies.length = 0;
  }

  async stopLoop(): Promise<void> {
    clearInterval(this.#timer);
    this.#next = undefined;
    const end = performance.now() + PATIENCE;
    while (this.#stations.some(({ sentAt }) => sentAt.length > 0) && performance.now() < end) await sleep(20);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#next = undefined;
    for (const station of this.#stations.splice(0)) station.close();
  }

  #deal(partOf: (number: number) => Part): void {
    const frames = new Map<readonly string[], Loop['frames']>();
    for (const [number, station] of this.#stations.entries()) {
      const { texts, from = 0 } = partOf(number);
      const known =
        frames.get(texts) ?? texts.map((text) => (text === RECONNECT ? text : new MessageFrame(text)));
      frames.set(texts, known);
      this.#loops.set(station, { number, frames: known, at: from });
    }
  }

  #say(station: Station): void {
    const loop = this.#loops.get(station);
    const frame = loop?.frames[loop.at++ % loop.frames.length];
    if (loop === undefined || frame === undefined) return;
    if (frame !== RECONNECT) return station.send(frame.with(++count, station.transaction));
    this.#loops.delete(station);
    this.#reconnect(station, loop).catch((error: Error) => this.faults.push(error.message));
  }

  /** What waits for an answer is answered first. */
  async #reconnect(station: Station, loop: Loop): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (station.sentAt.length > 0) {
      if (performance.now() > end) throw new Error('a CALL was not answered before its station reconnected');
      await sleep(1);
    }
    const place = this.#stations.indexOf(station);
    if (place < 0) return;
    this.#leaving.add(station);
    station.close();
    const next = await this.#open(this.#endpoints, loop.number);
    // The measurement may have ended meanwhile.
    if (this.#stations[place] !== station) return next.close();
    next.transaction = station.transaction;
    this.#stations[place] = next;
    this.#loops.set(next, loop);
    this.#say(next);
  }

  async #connect(endpoints: readonly Endpoint[], number: number): Promise<void> {
    this.#stations[number] = await this.#open(endpoints, number);
  }

  async #open(endpoints: readonly Endpoint[], number: number): Promise<Station> {
    const url = new URL(endpoints[number % endpoints.length] ?? '');
    const station: Station = await Station.connect({
      host: url.hostname,
      port: Number(url.port),
      path: `${url.pathname}BENCH-${number}`,
      onAnswer: (one, text) => this.#answered(one, text),
      onClosed: (one) => {
        const isMeant = this.#stations.length === 0 || this.#leaving.delete(one);
        if (!isMeant) this.faults.push('a station lost its connection');
      },
    });
    return station;
  }

  #answered(station: Station, text: string): void {
    const [, id] = /^\[2,"([^"]+)"/.exec(text) ?? [];
    if (id !== undefined && this.#callAnswer !== undefined)
      return station.reply(new MessageFrame(`[3,"${id}",${this.#callAnswer}]`).with(0));
    const sentAt = station.sentAt.shift();
    if (sentAt === undefined) return void this.faults.push(`an answer to nothing: ${text}`);
    this.latencies.push(performance.now() - sentAt);
    if (text.startsWith('[4')) this.faults.push(text);
    const [, transaction] = /"transactionId":(\d+)/.exec(text) ?? [];
    if (transaction !== undefined) station.transaction = Number(transaction);
    this.#onText?.(station, text);
    this.#next?.(station);
  }
}

/** What one station says, and how far it is. */
interface Loop {
  readonly number: number;
  readonly frames: readonly (MessageFrame | typeof RECONNECT)[];
  at: number;
}
