/**
 * Cases of the corpus, as data: the texts of a station, and the results. README.md describes the format; this file reads
 * it and rejects unknown keys, so that a misspelt expectation is an error.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { type Protocol, PROTOCOLS } from '../../services/ocpp/frame.ts';
import type { Validation } from '../../services/csms/handler.ts';

/** A value of an expectation: see pattern.ts. */
export type Pattern = unknown;
export type Fields = Readonly<Record<string, Pattern>>;

/** The expected response: at most one of these; default: a CALLRESULT with any payload. */
export interface Reply {
  /** The whole text of the response; `none` for no response; or a pattern of the whole frame. */
  readonly answer?: Pattern;
  /** Pattern of the payload of a CALLRESULT under the same message id. */
  readonly result?: Pattern;
  /** Code of a CALLERROR under the same message id. */
  readonly error?: string;
}

export interface Step extends Reply {
  /** A text that the station sends; `${name}` is replaced. */
  readonly send?: string;
  /** How often it is sent; default: once. */
  readonly times?: number;
  /** Suffix of another station that sends it; default: the station of the case. */
  readonly as?: string;
  /** Name → JSON pointer into the response: later texts and expectations use it as `${name}`. */
  readonly save?: Readonly<Record<string, string>>;
  /** Understood by repair of its payload. Strict: CALLERROR of this code, `message-refused`, kept as unreadable. */
  readonly refused?: string;
  /** Understood by repair of its text. Strict: CALLERROR of this code or `none`, kept as unreadable. */
  readonly unframed?: string;
  /** Understood in neither mode: CALLERROR of this code or `none`, kept as unreadable. */
  readonly garbage?: string;
  /** A frame whose payload is understood in neither mode: CALLERROR of this code, `message-refused`, kept as unreadable. */
  readonly invalid?: string;
  /** It was sent before: in Tolerant mode a second `message-repaired` is optional. */
  readonly again?: true;
  /** Of Strict mode: another response, close code, or outcome of the call. */
  readonly strict?: Reply & { readonly outcome?: Pattern; readonly closed?: number };
  /** Encoding of `send`; default: UTF-8. */
  readonly encoding?: 'latin1';
  /** A binary message with this text. */
  readonly binary?: string;
  /** Expects the connection to be closed with this code. */
  readonly closed?: number;
  readonly reconnect?: true;
  /** A custom handshake. */
  readonly connect?: Handshake;
  /** The CSMS calls the station, which receives the CALL; its message id is `${call}`. */
  readonly call?: { readonly action: string; readonly payload: object };
  /** The outcome of that call, within three seconds. */
  readonly outcome?: Pattern;
  /** Moves the clock, such as `8d`. */
  readonly advance?: string;
  /** Runs one sweep of silent transactions. */
  readonly sweep?: true;
  /** Writes the station's entry of the list of registrations; `none` removes it. */
  readonly registration?: string;
}

export interface Handshake {
  /** Default: `/ocpp/${station}`. */
  readonly path?: string;
  /** Default: the case's protocol; an empty list for none. */
  readonly protocols?: readonly string[];
  /** The whole request as text, for requests that no WebSocket library sends; a line break is CR LF. */
  readonly request?: string;
  /** Expects the handshake to be answered with this status instead of an open connection. */
  readonly status?: number;
  /** Expects the open connection to be closed with this code. */
  readonly closed?: number;
  /** Expects this subprotocol; `none` for none. */
  readonly protocol?: string;
}

/** The stored result after all steps. */
export interface Expected {
  /** All entries of the stream `transactions`, in order; a field `absent` lists fields that must not exist. */
  readonly bills?: readonly Fields[];
  /** Events that must exist, in this order. */
  readonly events?: readonly Fields[];
  /** Types that no event may have. */
  readonly noEvents?: readonly string[];
  /** All entries of the stream `reports`, in order. */
  readonly reports?: readonly Fields[];
  /** Record key → fields; `$absent` for a record that must not exist. */
  readonly records?: Readonly<Record<string, Fields | '$absent'>>;
  /** Stream → entries of this station that must exist, in this order. */
  readonly streams?: Readonly<Record<string, readonly Fields[]>>;
  /** All entries of the stream `unreadable`, in order; default: derived from the steps. */
  readonly unreadable?: readonly Fields[];
  /** Number of kept texts of this station, instead of their content. */
  readonly unreadableKept?: number;
  /** Lines that must occur in the proxy's log, each once. */
  readonly log?: readonly Fields[];
}

export interface Case extends Expected {
  readonly name: string;
  readonly kind: string;
  readonly protocol: Protocol;
  readonly source: string;
  /** Entries of the token list. */
  readonly tokens?: Readonly<Record<string, string>>;
  /** Settings of proxy and handlers that are not the default. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly steps: readonly Step[];
  /** The expectations of Strict mode; default of a refused message: no bill and no report. */
  readonly strict?: Expected;
  /** Also runs through `npm start`. */
  readonly start?: true;
  /** Its file, for messages. */
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

/** All cases of the folder, in the order of the files. @throws Error for an invalid one */
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

/** The cases of one file. @throws Error for an invalid one */
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

/** The treatment of a text that violates the rules, in a mode. */
export type Fate = 'repaired' | 'refused' | 'unreadable';

/** undefined for a valid text. */
export function fateOf({ refused, unframed, garbage, invalid }: Step, mode: Validation): Fate | undefined {
  if (garbage !== undefined) return 'unreadable';
  if (invalid !== undefined) return 'refused';
  if (refused === undefined && unframed === undefined) return undefined;
  if (mode === 'Tolerant') return 'repaired';
  return unframed === undefined ? 'refused' : 'unreadable';
}

/** The expected state in a mode. Nothing of a message that Strict refuses is stored. */
export function expectedIn(found: Case, mode: Validation): Expected {
  const { name: _name, tokens: _tokens, steps, strict, ...rest } = found;
  if (mode === 'Tolerant') return rest;
  const differs = steps.some((step) => step.refused !== undefined || step.unframed !== undefined);
  return differs ? { ...strict } : { ...rest, ...strict };
}
