/**
 * What of a frame may be recorded. Tags become pseudonyms; secrets, persons and whatever has no known meaning are hidden. Only
 * fields that a schema of OCPP has are shown, so that a field of a vendor hides its content. Structure, numbers, times, words of
 * enumerations and ids of messages and transactions stay, so that a recording explains what happened. Pure.
 */
import { MessageType } from '../frame.ts';
import { HIDDEN_FIELDS, SHOWN_FIELDS, SHOWN_TEXTS, TAG_FIELDS, VALUE_FIELDS } from './field-names.ts';
import type { SecretTexts } from './secret-texts.ts';
import { isPublicVariable } from './variable-names.ts';

/** Stands for what is hidden. */
export const HIDDEN = '[redacted]';

export interface Redaction {
  /** Stable: equal tags have equal pseudonyms. @param tag never empty */
  readonly pseudonym: (tag: string) => string;
  /** Tags and secrets of the same station before, in lower case: a text that repeats one is hidden. It gets those that are found. */
  readonly secrets: SecretTexts;
}

export interface RedactedFrame {
  /** JSON of the frame. */
  readonly text: string;
  /** Of a CALL or SEND. */
  readonly action?: string;
  /** The payload is left out, as the frame is too long to be redacted. */
  readonly isLeftOut?: true;
}

/** Nested deeper is hidden, so that no frame overflows the stack. */
const DEEPEST = 32;
/** Of hidden values; a shorter one is a common word. */
const SHORTEST_PASSWORD = 8;
/** Words of enumerations and times are shorter. */
const LONGEST_WORD = 60;
/** A longer frame, in characters, would keep the event loop for a tenth of a second: its payload is left out. */
const LONGEST_FRAME = 64 * 1024;

/** @param text valid JSON @returns undefined for a text that is no frame: nothing of it may be recorded */
export function redactFrame(text: string, redaction: Redaction): RedactedFrame | undefined {
  const isLeftOut = text.length > LONGEST_FRAME;
  const frame = parsed(text, !isLeftOut);
  if (!Array.isArray(frame) || typeof frame[0] !== 'number') return undefined;
  if (isLeftOut) return { ...shownFrame(withoutContent(frame), redaction), isLeftOut };
  const { added } = redaction.secrets;
  const shown = shownFrame(frame, redaction);
  // A text may stand before the tag that it repeats.
  return redaction.secrets.added === added ? shown : shownFrame(frame, redaction);
}

/** The head of a frame; what may be long is hidden. */
const withoutContent = ([type, id, ...rest]: readonly unknown[]): unknown[] =>
  type === MessageType.CallResult
    ? [type, id, HIDDEN]
    : type === MessageType.Call || type === MessageType.Send
      ? [type, id, rest[0], HIDDEN]
      : [type, id, rest[0], HIDDEN, {}];

function shownFrame([type, id, ...rest]: readonly unknown[], redaction: Redaction): RedactedFrame {
  const redactor = new Redactor(redaction);
  const head = [type, typeof id === 'object' && !isRaw(id) ? HIDDEN : id];
  if (type === MessageType.Call || type === MessageType.Send) {
    const action = wordOf(rest[0]);
    return { text: textOf([...head, action, redactor.payload(rest[1])]), action };
  }
  if (type === MessageType.CallResult) return { text: textOf([...head, redactor.payload(rest[0])]) };
  const [code, description, details = {}] = rest;
  return {
    text: textOf([...head, wordOf(code), redactor.text(description), isEmpty(details) ? details : HIDDEN]),
  };
}

/** Where a value is. */
interface Place {
  readonly depth: number;
  /** Inside of a sampled value: a measured number is shown. */
  readonly isMeter: boolean;
  /** Belongs to a variable or a configuration key that is public. */
  readonly isPublic: boolean;
}

const TOP: Place = { depth: 0, isMeter: false, isPublic: false };

class Redactor {
  readonly #pseudonym: (tag: string) => string;
  readonly #secrets: SecretTexts;

  constructor({ pseudonym, secrets }: Redaction) {
    this.#pseudonym = pseudonym;
    this.#secrets = secrets;
  }

  payload(value: unknown): unknown {
    return isObject(value) ? this.#object(value, TOP) : this.#hidden(value);
  }

  /** A text that may be shown, unless it has something in it that may not. */
  text(value: unknown): unknown {
    if (typeof value !== 'string') return value === undefined || value === null ? value : HIDDEN;
    const userinfos = userinfosOf(value);
    for (const one of userinfos) this.#secrets.addValue(one);
    if (value.includes('-----BEGIN') || (userinfos.length > 0 && !value.includes('://'))) return HIDDEN;
    const shown = value.includes('://') ? placeOf(value) : value;
    return this.#secrets.isIn(shown) ? HIDDEN : shown;
  }

  #object(value: JsonObject, { depth, isMeter, isPublic }: Place): unknown {
    if (depth > DEEPEST) return HIDDEN;
    const place = { depth: depth + 1, isMeter, isPublic: isOfPublicVariable(value) ?? isPublic };
    const entries = Object.entries(value);
    // Tags first, as other fields of the same object may repeat them.
    const tags = new Map(
      entries.filter(([name]) => TAG_FIELDS.has(name)).map(([name, one]) => [name, this.#tag(one, depth)]),
    );
    return Object.fromEntries(
      entries.map(([name, one]) => [
        isFieldName(name) ? name : HIDDEN,
        TAG_FIELDS.has(name) ? tags.get(name) : this.#field(name, one, place),
      ]),
    );
  }

  #field(name: string, value: unknown, place: Place): unknown {
    if (VALUE_FIELDS.has(name))
      return place.isPublic || (place.isMeter && isMeasured(value))
        ? this.#shown(value, place)
        : this.#hiddenValue(value);
    const isWord = SHOWN_FIELDS.has(name);
    if (!isWord && !SHOWN_TEXTS.has(name)) return this.#hidden(value);
    return this.#shown(value, name === 'sampledValue' ? { ...place, isMeter: true } : place, isWord);
  }

  #shown(value: unknown, place: Place, isWord = false): unknown {
    if (Array.isArray(value)) {
      if (place.depth > DEEPEST) return HIDDEN;
      return value.map((one) => this.#shown(one, { ...place, depth: place.depth + 1 }, isWord));
    }
    if (isObject(value)) return this.#object(value, place);
    if (typeof value !== 'string') return value;
    return isWord ? this.#word(value) : this.text(value);
  }

  /** A word of an enumeration or a time may have a short tag in it by chance. */
  #word(value: string): string {
    return value.length > LONGEST_WORD || this.#secrets.has(value) ? HIDDEN : value;
  }

  /** A text, or in 2.x an object with the text in a field of the same kind. Of an object only its type is no part of the tag. */
  #tag(value: unknown, depth: number): unknown {
    if (value === null || value === undefined || value === '') return value;
    if (depth > DEEPEST) return HIDDEN;
    if (Array.isArray(value)) return value.map((one) => this.#tag(one, depth + 1));
    if (isObject(value)) {
      const tagOf = (name: string, one: unknown) =>
        name === 'type' && typeof one === 'string' ? this.#word(one) : this.#tag(one, depth + 1);
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) =>
          HIDDEN_FIELDS.has(name) || !isFieldName(name)
            ? [isFieldName(name) ? name : HIDDEN, this.#hidden(one)]
            : [name, tagOf(name, one)],
        ),
      );
    }
    const tag = typeof value === 'string' ? value : textOf(value);
    this.#secrets.addTag(tag);
    return this.#pseudonym(tag);
  }

  #hidden(value: unknown): unknown {
    if (value === null || value === undefined) return value;
    if (typeof value === 'string' && value.length >= SHORTEST_PASSWORD && /\d/.test(value))
      this.#secrets.addValue(value);
    return HIDDEN;
  }

  /** Of a variable that is not public: it may be a password. */
  #hiddenValue(value: unknown): unknown {
    const isPassword = typeof value === 'string' && value.length >= SHORTEST_PASSWORD;
    if (isPassword) this.#secrets.addValue(value);
    return this.#hidden(value);
  }
}

/**
 * Of a URL. User, password, path and query may be secrets. Stations take passwords with `/`, `?`, `#` and `@` unescaped: the host is
 * known only if the one `@` is before the first of these.
 */
function placeOf(text: string): string {
  const { scheme, user = '', host, rest = '' } = URL_PARTS.exec(text)?.groups ?? {};
  const isPlain =
    scheme !== undefined && host !== undefined && !/@|%40|\s/i.test(`${user.slice(0, -1)}${rest}`);
  return isPlain ? `${scheme}${host}/…` : HIDDEN;
}

const URL_PARTS =
  /^(?<scheme>[a-z][a-z0-9+.-]*:\/\/)(?<user>[^/?#@\s]*@)?(?<host>(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?)(?<rest>[/?#].*)?$/is;

/** What may be user and password: of `ftp://user:password@host` and `user:password@host`, amid a text too; the password also alone. */
function userinfosOf(text: string): readonly string[] {
  if (!/@|%40/.test(text)) return [];
  return text.split(/\s+/).flatMap((word) => {
    const plain = word.replaceAll('%40', '@');
    const scheme = plain.indexOf('://');
    const rest = scheme < 0 ? plain : plain.slice(scheme + 3);
    const colon = rest.indexOf(':');
    if (!rest.includes('@') || (scheme < 0 && (colon < 0 || colon > rest.lastIndexOf('@')))) return [];
    const ends = new Set([rest.indexOf('@'), rest.lastIndexOf('@')]);
    return [...ends].flatMap((end) => {
      const userinfo = rest.slice(0, end);
      const password = colon < 0 || colon > end ? [] : [rest.slice(colon + 1, end)];
      return [userinfo, ...password].flatMap((one) => [one, decoded(one)]);
    });
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * `{ key: 'HeartbeatInterval', … }` of 1.6, `{ variable: { name: 'HeartbeatInterval' }, … }` of 2.x; undefined for an object that names
 * no variable.
 */
function isOfPublicVariable({ key, variable }: JsonObject): boolean | undefined {
  const name = isObject(variable) ? variable['name'] : key;
  return typeof name === 'string' ? isPublicVariable(name) : undefined;
}

const isFieldName = (name: string) =>
  [SHOWN_FIELDS, SHOWN_TEXTS, VALUE_FIELDS, HIDDEN_FIELDS, TAG_FIELDS].some((names) => names.has(name));

const isMeasured = (value: unknown) =>
  typeof value === 'number' ||
  isRaw(value) ||
  (typeof value === 'string' && /^\s*[-+]?\d{1,12}([.,]\d{1,12})?\s*$/.test(value));

/** Numbers keep their spelling. */
interface SourceContext {
  readonly source?: string;
}
type RawJson = typeof JSON & { rawJSON(text: string): unknown; isRawJSON(value: unknown): boolean };

function parsed(text: string, keepsNumbers: boolean): unknown {
  const parse = JSON.parse as (text: string, reviver?: typeof keepNumber) => unknown;
  try {
    return keepsNumbers ? parse(text, keepNumber) : parse(text);
  } catch {
    return undefined;
  }
}

const keepNumber = (_key: string, value: unknown, { source }: SourceContext): unknown =>
  typeof value === 'number' && source !== undefined && String(value) !== source
    ? (JSON as RawJson).rawJSON(source)
    : value;

const textOf = (frame: unknown): string => JSON.stringify(frame);

const wordOf = (text: unknown): string =>
  typeof text === 'string' && /^[A-Za-z][A-Za-z0-9]{0,49}$/.test(text) ? text : HIDDEN;

const isEmpty = (value: unknown) =>
  value === null || value === undefined || (isObject(value) && Object.keys(value).length === 0);

const isRaw = (value: unknown) => (JSON as RawJson).isRawJSON(value);

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRaw(value);
}
