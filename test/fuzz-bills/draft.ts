/**
 * A history before it is played: what one station sends, in order, with what it stands for. Mutations change it in
 * place. Payloads are JSON with two additions: a number that only a text can hold, and an id that the CSMS gives later.
 */
import type { Protocol } from '../../services/ocpp/frame.ts';

/** Written as it is, such as `1e400`: JSON without a JavaScript value. */
export class Literal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** 1.6: the transaction id that the start of this session is answered, written by the station in its own way. */
export class GivenId {
  readonly session: number;
  readonly write: (id: number) => Json;

  constructor(session: number, write: (id: number) => Json = (id) => id) {
    this.session = session;
    this.write = write;
  }
}

export type Json = null | boolean | number | string | Literal | GivenId | readonly Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

/** What a message is in its session. */
export type Role = 'start' | 'meter' | 'stop' | 'other';

export interface Say {
  readonly kind: 'say';
  role: Role;
  /** Number of its session; -1 for messages of none. */
  session: number;
  action: string;
  payload: JsonObject;
  /** When it is sent; ms since 1970. */
  at: number;
  /** In place of an id that the player numbers: digits, or a text. */
  messageId?: number | string;
  /** Breaks the text, in order. */
  texts: ((text: string) => string)[];
}

/** A text of no frame that is ever answered, such as a broken answer. */
export interface Stray {
  readonly kind: 'stray';
  readonly text: string;
  at: number;
}

/** The station connects again. */
export interface Reconnect {
  readonly kind: 'reconnect';
  at: number;
}

export type Step = Say | Stray | Reconnect;

/** What happened at the charger. Registers in Wh. */
export interface Session {
  readonly connector: number;
  readonly tag: string;
  readonly start: number;
  readonly stop: number;
}

export interface Draft {
  readonly protocol: Protocol;
  sessions: readonly Session[];
  steps: Step[];
}

export const isSay = (step: Step): step is Say => step.kind === 'say';

export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Literal) &&
    !(value instanceof GivenId)
  );
}

/** A copy whose parts can be changed apart from the original's. */
export function copy(value: Json): Json {
  if (Array.isArray(value)) return value.map(copy);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copy(part)]));
}

export function copyOf(say: Say): Say {
  return { ...say, payload: copy(say.payload) as JsonObject, texts: [...say.texts] };
}

/** The payload with ids in place. @param given the id of a session's start; undefined while the station has none */
export function resolve(value: Json, given: (session: number) => number | undefined): Json {
  if (value instanceof GivenId) {
    const id = given(value.session);
    // Firmware that got no id writes -1.
    return id === undefined ? -1 : value.write(id);
  }
  if (Array.isArray(value)) return value.map((part: Json) => resolve(part, given));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolve(part, given)]));
}

/** JSON text of a resolved value. */
export function write(value: Json): string {
  if (value instanceof Literal) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const parts = Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}:${write(part)}`);
  return `{${parts.join(',')}}`;
}
