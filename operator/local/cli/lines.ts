/** The screens without a terminal: plain lines when something changed, and one JSON object per change. */
import { isDeepStrictEqual } from 'node:util';
import { type Access, accessLines } from './access.ts';
import { type ClusterEvent, eventLine, type Output, type Screen, timeOfDay } from './screen.ts';
import type { ClusterState } from './state.ts';
import { summary } from './table.ts';

/** A state that changes all the time is written this often; ms. */
const STATE_EVERY_MS = 3000;

export class PlainScreen implements Screen {
  readonly #out: Output;
  readonly #now: () => number;
  #shown = '';
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(out: Output, now: () => number) {
    this.#out = out;
    this.#now = now;
  }

  say(lines: readonly string[]): void {
    this.#out.write(`${lines.join('\n')}\n`);
  }

  note(text: string, at = this.#now()): void {
    this.say([`${timeOfDay(at)} ${text}`]);
  }

  event(event: ClusterEvent): void {
    this.note(eventLine(event), Date.parse(event.time));
  }

  access(access: Access): void {
    const lines = accessLines(access);
    if (lines.length > 0) this.say(lines);
  }

  show(states: readonly ClusterState[]): void {
    const text = states.map(summary).join('   ');
    if (text === this.#shown || this.#now() - this.#shownAt < STATE_EVERY_MS) return;
    this.#shown = text;
    this.#shownAt = this.#now();
    this.say([text]);
  }

  end(): void {
    this.#shownAt = Number.POSITIVE_INFINITY;
  }
}

/** Objects on `out`; lines for people on `log`. */
export class JsonScreen implements Screen {
  readonly #out: Output;
  readonly #log: PlainScreen;
  readonly #now: () => number;
  readonly #shown = new Map<string, ClusterState>();

  constructor(out: Output, log: Output, now: () => number) {
    this.#out = out;
    this.#log = new PlainScreen(log, now);
    this.#now = now;
  }

  say(lines: readonly string[]): void {
    this.#log.say(lines);
  }

  note(text: string, at = this.#now()): void {
    this.#log.note(text, at);
  }

  event(event: ClusterEvent): void {
    this.#write('event', event);
  }

  access(access: Access): void {
    this.#write('access', access);
  }

  show(states: readonly ClusterState[]): void {
    for (const state of states) {
      const key = `${state.namespace}/${state.cluster}`;
      if (isDeepStrictEqual(this.#shown.get(key), state)) continue;
      this.#shown.set(key, state);
      this.#write('state', state);
    }
  }

  end(): void {
    this.#shown.clear();
  }

  #write(type: string, fields: object): void {
    this.#out.write(`${JSON.stringify({ time: new Date(this.#now()).toISOString(), type, ...fields })}\n`);
  }
}
