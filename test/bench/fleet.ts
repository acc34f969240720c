/** Many stations, and the two ways to drive them: in a closed loop, and at a rate of their own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageFrame, Station } from './station.ts';

/** Where stations connect: `ws://host:port/path/`, the identity follows. */
export type Endpoint = string;

/** A thousand handshakes a second, which a proxy admits by default. */
const CONNECTS_PER_STEP = 50;
const CONNECT_STEP_MS = 50;
/** A CALL that waits longer will never be answered; ms. */
const PATIENCE = 30_000;

export class Fleet implements Disposable {
  /** Time from each CALL to its answer since the last `reset`; ms. */
  readonly latencies: number[] = [];
  /** Why this run says nothing: CALLERRORs and lost connections. */
  readonly faults: string[] = [];
  readonly #stations: Station[] = [];
  #count = 0;
  #callAnswer: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #next: ((station: Station) => void) | undefined;
  #onText: ((station: Station, text: string) => void) | undefined;

  get size(): number {
    return this.#stations.length;
  }

  /** Connects so many stations more, in turn to each endpoint. @throws Error when one is refused */
  async connect(endpoints: readonly Endpoint[], count: number): Promise<void> {
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
        for (const station of some) station.send(frame.with(++this.#count));
      });
    }
    this.#onText = undefined;
    this.reset();
    return answers;
  }

  /** Every station sends its next CALL when the last one is answered. @param textOf a message with NUMBER in it */
  startClosedLoop(textOf: (station: Station) => string): void {
    const frames = framesOf(this.#stations, textOf);
    this.#next = (station) => station.send(frames.get(station)?.with(++this.#count) ?? Buffer.alloc(0));
    for (const station of this.#stations) this.#next(station);
  }

  /** CALLs come as from many who know nothing of each other: exponential gaps, at the timer's step of 1 ms. */
  startOpenLoop(perSecond: number, textOf: (station: Station) => string): void {
    const frames = [...framesOf(this.#stations, textOf)];
    let due = performance.now();
    let turn = 0;
    this.#timer = setInterval(() => {
      const now = performance.now();
      while (due <= now) {
        const [station, frame] = frames[turn++ % frames.length] ?? [];
        station?.send(frame?.with(++this.#count) ?? Buffer.alloc(0));
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

  async #connect(endpoints: readonly Endpoint[], number: number): Promise<void> {
    const url = new URL(endpoints[number % endpoints.length] ?? '');
    const station = await Station.connect({
      host: url.hostname,
      port: Number(url.port),
      path: `${url.pathname}BENCH-${number}`,
      onAnswer: (one, text) => this.#answered(one, text),
      onClosed: () => this.#stations.length > 0 && this.faults.push('a station lost its connection'),
    });
    this.#stations.push(station);
  }

  #answered(station: Station, text: string): void {
    const [, id] = /^\[2,"([^"]+)"/.exec(text) ?? [];
    if (id !== undefined && this.#callAnswer !== undefined)
      return station.reply(new MessageFrame(`[3,"${id}",${this.#callAnswer}]`).with(0));
    const sentAt = station.sentAt.shift();
    if (sentAt === undefined) return void this.faults.push(`an answer to nothing: ${text}`);
    this.latencies.push(performance.now() - sentAt);
    if (text.startsWith('[4')) this.faults.push(text);
    this.#onText?.(station, text);
    this.#next?.(station);
  }
}

function framesOf(
  stations: readonly Station[],
  textOf: (station: Station) => string,
): Map<Station, MessageFrame> {
  return new Map(stations.map((station) => [station, new MessageFrame(textOf(station))]));
}
