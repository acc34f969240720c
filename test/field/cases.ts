/**
 * Cases of the corpus: what a sloppy station sends, and what becomes of it, as data. README.md describes the format;
 * this file reads it and refuses what the runner does not know, so that a misspelt expectation is an error.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { type Protocol, PROTOCOLS } from '../../services/ocpp/frame.ts';
import type { Validation } from '../../services/csms/handler.ts';

/** A value of an expectation: see pattern.ts. */
export type Pattern = unknown;
export type Fields = Readonly<Record<string, Pattern>>;

/** How a text of the station is answered. At most one of these; a CALLRESULT with any payload where all are left out. */
export interface Reply {
  /** The whole text of the answer; `none` for silence; or a pattern of the whole frame. */
  readonly answer?: Pattern;
  /** Pattern of the payload of a CALLRESULT under the same message id. */
  readonly result?: Pattern;
  /** Code of a CALLERROR under the same message id. */
  readonly error?: string;
}

export interface Step extends Reply {
  /** A text that the station sends; `${name}` is replaced. */
  readonly send?: string;
  /** How often it is sent; once where left out. */
  readonly times?: number;
  /** Which station sends it: the case's own where left out, else one more with this suffix. */
  readonly as?: string;
  /** Name → JSON pointer into the answer: later texts and expectations use it as `${name}`. */
  readonly save?: Readonly<Record<string, string>>;
  /** Understood by repair of its payload. Strict: CALLERROR of this code, `message-refused`, kept as unreadable. */
  readonly refused?: string;
  /** Understood by repair of its text. Strict: CALLERROR of this code or `none`, kept as unreadable. */
  readonly unframed?: string;
  /** Understood in neither mode: CALLERROR of this code or `none`, kept as unreadable. */
  readonly garbage?: string;
  /** A frame whose payload is understood in neither mode: CALLERROR of this code, `message-refused`, kept as unreadable. */
  readonly invalid?: string;
  /** It was sent before: in Tolerant mode a second event may say that it was repaired, or none. */
  readonly again?: true;
  /** Another reply, the end of the connection by this code, or another end of the call, in Strict mode. */
  readonly strict?: Reply & { readonly outcome?: Pattern; readonly closed?: number };
  /** How the characters of `send` become bytes: UTF-8 where left out. */
  readonly encoding?: 'latin1';
  /** A binary message with this text. */
  readonly binary?: string;
  /** Expects the connection to be closed with this code. */
  readonly closed?: number;
  readonly reconnect?: true;
  /** A handshake by hand instead of the usual one. */
  readonly connect?: Handshake;
  /** The CSMS calls the station, which receives the CALL; its message id is `${call}`. */
  readonly call?: { readonly action: string; readonly payload: object };
  /** How that call ends, within three seconds. */
  readonly outcome?: Pattern;
  /** Moves the clock, such as `8d`. */
  readonly advance?: string;
  /** Looks once for silent transactions. */
  readonly sweep?: true;
  /** Writes the station's entry of the list of registrations; `none` removes it. */
  readonly registration?: string;
}

export interface Handshake {
  /** `/ocpp/${station}` where left out. */
  readonly path?: string;
  /** The case's protocol where left out; none for an empty list. */
  readonly protocols?: readonly string[];
  /** The whole request as text, for what no WebSocket library sends; a line break is CR LF. */
  readonly request?: string;
  /** Expects the handshake to be answered with this status instead of an open connection. */
  readonly status?: number;
  /** Expects the open connection to be closed with this code. */
  readonly closed?: number;
  /** Expects this subprotocol; `none` for none. */
  readonly protocol?: string;
}

/** What is stored when all steps are done. */
export interface Expected {
  /** All entries of the stream `transactions`, in order; a field `absent` lists fields that must not be there. */
  readonly bills?: readonly Fields[];
  /** Must be among the station's events, in this order. */
  readonly events?: readonly Fields[];
  /** Types that no event may have. */
  readonly noEvents?: readonly string[];
  /** All entries of the stream `reports`, in order. */
  readonly reports?: readonly Fields[];
  /** Record key → fields; `$absent` for a record that must not be there. */
  readonly records?: Readonly<Record<string, Fields | '$absent'>>;
  /** Stream → entries of this station that must be there, in this order. */
  readonly streams?: Readonly<Record<string, readonly Fields[]>>;
  /** All entries of the stream `unreadable`, in order; derived from the steps where left out. */
  readonly unreadable?: readonly Fields[];
  /** How many texts of this station are kept there, instead of what they are. */
  readonly unreadableKept?: number;
  /** Lines that must be in the proxy's log, each once. */
  readonly log?: readonly Fields[];
}

export interface Case extends Expected {
  readonly name: string;
  readonly kind: string;
  readonly protocol: Protocol;
  readonly source: string;
  /** Entries of the list of tokens. */
  readonly tokens?: Readonly<Record<string, string>>;
  /** Settings of proxy and handlers that are not the default. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly steps: readonly Step[];
  /** What differs in Strict mode; a refused message leaves no bill and no report unless it says so. */
  readonly strict?: Expected;
  /** Also runs through `npm start`. */
  readonly start?: true;
  /** File that it is in, for messages. */
  readonly file: string;
}

const REPLY = 'answer result error'.split(' ');
const UNDERSTANDING = 'refused unframed garbage invalid'.split(' ');
const STEP = 'send times encoding as save again strict binary closed reconnect connect call outcome'
  .split(' ')
  .concat('advance', 'sweep', 'registration', REPLY, UNDERSTANDING);
const STRICT_STEP = [...REPLY, 'outcome', 'closed'];
const HANDSHAKE = 'path protocols request status closed protocol'.split(' ');
const EXPECTED = 'bills events noEvents reports records streams unreadable unreadableKept log'.split(' ');
const CASE = 'name kind protocol source tokens settings steps strict start'.split(' ');

/** All cases of the folder, by file and in the order of the files. @throws Error for one that cannot be run */
export function loadCases(folder = join(import.meta.dirname, 'cases')): Case[] {
  const files = globSync('*.yaml', { cwd: folder }).sort();
  const cases = files.flatMap((file) => parseCases(readFileSync(join(folder, file), 'utf8'), file));
  const names = new Set<string>();
  for (const { file, kind, name } of cases) {
    if (names.has(`${kind} ${name}`)) throw new Error(`${file}: there are two cases "${name}"`);
    names.add(`${kind} ${name}`);
  }
  return cases;
}

/** The cases of one file. @throws Error for one that cannot be run */
export function parseCases(text: string, file: string): Case[] {
  const list: unknown = parse(text);
  if (!Array.isArray(list)) throw new Error(`${file} is not a list of cases`);
  const cases: Case[] = [];
  for (const one of list as Omit<Case, 'file'>[]) {
    const fault = faultOf(one);
    if (fault !== undefined) throw new Error(`${file}: "${one.name}": ${fault}`);
    cases.push({ ...one, file: basename(file) });
  }
  return cases;
}

function faultOf(found: Omit<Case, 'file'>): string | undefined {
  if (!PROTOCOLS.includes(found.protocol)) return `there is no protocol ${found.protocol}`;
  for (const name of ['name', 'kind', 'source'] as const)
    if (typeof found[name] !== 'string') return `${name} is not a text`;
  if (!Array.isArray(found.steps) || found.steps.length === 0) return 'it has no steps';
  const unknown =
    surplus(found, [...CASE, ...EXPECTED]) ??
    surplus(found.strict ?? {}, EXPECTED) ??
    found.steps.map((step) => surplus(step, STEP) ?? surplus(step.connect ?? {}, HANDSHAKE)).find(Boolean) ??
    found.steps.map((step) => surplus(step.strict ?? {}, STRICT_STEP)).find(Boolean);
  if (unknown !== undefined) return `nothing is called "${unknown}"`;
  const many = found.steps.find((step) => UNDERSTANDING.filter((name) => name in step).length > 1);
  return many === undefined ? undefined : `a step has one of ${UNDERSTANDING.join(', ')}`;
}

function surplus(value: object, known: readonly string[]): string | undefined {
  return Object.keys(value).find((name) => !known.includes(name));
}

/** What becomes of a text that breaks the rules, in a mode. */
export type Fate = 'repaired' | 'refused' | 'unreadable';

/** undefined for a text that breaks none, by schema at least. */
export function fateOf({ refused, unframed, garbage, invalid }: Step, mode: Validation): Fate | undefined {
  if (garbage !== undefined) return 'unreadable';
  if (invalid !== undefined) return 'refused';
  if (refused === undefined && unframed === undefined) return undefined;
  if (mode === 'Tolerant') return 'repaired';
  return unframed === undefined ? 'refused' : 'unreadable';
}

/** What must be stored in a mode. Where Strict refuses what Tolerant takes, nothing of it is stored. */
export function expectedIn(found: Case, mode: Validation): Expected {
  const { name: _name, tokens: _tokens, steps, strict, ...rest } = found;
  if (mode === 'Tolerant') return rest;
  const differs = steps.some((step) => step.refused !== undefined || step.unframed !== undefined);
  return differs ? { ...strict } : { ...rest, ...strict };
}
