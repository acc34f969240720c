/**
 * Repairs a text that is almost a JSON array: firmware that builds JSON with printf writes raw control bytes into
 * strings, an extra comma, `nan`, or a NUL behind the end. Only for texts that JSON.parse rejected.
 *
 * One pass over the text collects edits; nothing else is guessed. The repaired text must parse as exactly one array, so a
 * truncated text, or two arrays in one text, cannot be repaired. Two values with nothing between them are refused before,
 * because an edit could join them (`5+3` is not 53).
 */

export type TextRepair =
  | 'trimmed-ends'
  | 'control-characters'
  | 'bad-escapes'
  | 'stray-commas'
  | 'literals'
  | 'numbers'
  /** Bytes that are not UTF-8 were replaced when the text was decoded. */
  | 'utf-8';

export type TextRepairResult =
  | {
      readonly ok: true;
      readonly text: string;
      readonly kinds: readonly TextRepair[];
      /** The array in it. */
      readonly value: readonly unknown[];
    }
  | { readonly ok: false; readonly reason: string };

/** Never throws. */
export function repairText(text: string): TextRepairResult {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  if (text.charAt(start) !== '[') return { ok: false, reason: 'it does not begin as a JSON array' };
  if (text.charAt(end - 1) !== ']') return { ok: false, reason: 'it does not end as a JSON array' };
  const repair = new Repair(text, start, end);
  const fault = repair.scan();
  if (fault !== undefined) return { ok: false, reason: fault };
  try {
    const repaired = repair.text;
    // It begins with a bracket: what parses is an array.
    const value = JSON.parse(repaired) as readonly unknown[];
    return { ok: true, text: repaired, kinds: [...repair.kinds], value };
  } catch {
    return { ok: false, reason: 'it is not valid JSON' };
  }
}

/** White space, control characters, the byte order mark. */
function isBlank(code: number): boolean {
  return code <= 0x20 || code === 0xfeff || code === 0xa0 || code === 0x7f;
}

/** The token that a character begins outside strings. */
const Begins = { Other: 0, Space: 1, String: 2, Open: 3, Close: 4, Comma: 5, Colon: 6, Number: 7, Word: 8 };
/** Begins by character code; everything from 128 on is Other. */
const BEGINS = new Uint8Array(128);
for (const [characters, begins] of [
  [' \t\r\n', Begins.Space],
  ['"', Begins.String],
  ['[{', Begins.Open],
  [']}', Begins.Close],
  [',', Begins.Comma],
  [':', Begins.Colon],
  ['+-.0123456789', Begins.Number],
  ['abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', Begins.Word],
] as const) {
  for (const character of characters) BEGINS[character.charCodeAt(0)] = begins;
}

/** Words by their lower case, as C, Python and JavaScript print them. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['false', 'false'],
  ...['null', 'nil', 'none', 'undefined', 'nan', 'inf', 'infinity'].map((word) => [word, 'null'] as const),
]);
/** Words that may have a sign. */
const SIGNED: ReadonlySet<string> = new Set(['nan', 'inf', 'infinity']);
const LONGEST_WORD = 9;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LONG_ESCAPE = 0x75;
const ESCAPES: ReadonlySet<number> = new Set('"\\/bfnrtu'.split('').map((one) => one.charCodeAt(0)));

class Repair {
  readonly kinds = new Set<TextRepair>();
  readonly #text: string;
  readonly #end: number;
  readonly #parts: string[] = [];
  /** Where the next part begins. */
  #from: number;
  #at: number;
  #depth = 0;
  /** Begin of the last token outside strings; a number or word counts as String, a value. */
  #last: number = Begins.Other;
  /** Index of the last comma. */
  #comma = 0;

  constructor(text: string, start: number, end: number) {
    this.#text = text;
    this.#from = this.#at = start;
    this.#end = end;
    if (start > 0 || end < text.length) this.kinds.add('trimmed-ends');
  }

  get text(): string {
    return `${this.#parts.join('')}${this.#text.slice(this.#from, this.#end)}`;
  }

  /** @returns why the text cannot be repaired */
  scan(): string | undefined {
    while (this.#at < this.#end) {
      const begins = BEGINS[this.#code()] ?? Begins.Other;
      if (begins === Begins.Space) {
        this.#at++;
        continue;
      }
      const isValue = begins === Begins.String || begins >= Begins.Number;
      const afterValue = this.#last === Begins.String || this.#last === Begins.Close;
      if (afterValue && (isValue || begins === Begins.Open)) return 'two values have nothing between them';
      const fault = this.#token(begins);
      if (fault !== undefined) return fault;
      // A comma behind a bracket is dropped: the next token still begins a list.
      if (begins === Begins.Comma && this.#last === Begins.Open) continue;
      this.#last = isValue ? Begins.String : begins;
    }
    return this.#depth === 0 ? undefined : 'it ends too early';
  }

  #token(begins: number): string | undefined {
    switch (begins) {
      case Begins.String:
        return this.#string();
      case Begins.Number:
        return this.#number();
      case Begins.Word:
        return this.#word(this.#at, false);
      case Begins.Comma:
        if (this.#last === Begins.Open) this.#drop(this.#at);
        else {
          if (this.#last === Begins.Comma) this.#drop(this.#comma);
          this.#comma = this.#at;
        }
        break;
      case Begins.Open:
        this.#depth++;
        break;
      case Begins.Close:
        if (this.#last === Begins.Comma) this.#drop(this.#comma);
        if (--this.#depth === 0 && this.#at + 1 < this.#end) return 'something follows the JSON array';
        break;
      case Begins.Colon:
        break;
      default:
        return `${JSON.stringify(this.#text.charAt(this.#at))} is not JSON outside of a string`;
    }
    this.#at++;
    return undefined;
  }

  #string(): string | undefined {
    while (++this.#at < this.#end) {
      const code = this.#code();
      if (code === QUOTE) {
        this.#at++;
        return undefined;
      }
      if (code === BACKSLASH) {
        // A backslash that begins no escape belongs to the text.
        if (this.#isEscape()) this.#at++;
        else this.#replace('bad-escapes', this.#at, this.#at + 1, '\\\\');
      } else if (code < 0x20) {
        const escaped = JSON.stringify(this.#text.charAt(this.#at)).slice(1, -1);
        this.#replace('control-characters', this.#at, this.#at + 1, escaped);
      }
    }
    return 'it ends within a string';
  }

  #isEscape(): boolean {
    const code = this.#code(1);
    if (code !== LONG_ESCAPE) return ESCAPES.has(code);
    return [2, 3, 4, 5].every((ahead) => isHexDigit(this.#code(ahead)));
  }

  #number(): string | undefined {
    const start = this.#at;
    const first = this.#text.charAt(start);
    const sign = first === '-' ? '-' : '';
    if (first === '-' || first === '+') this.#at++;
    if (BEGINS[this.#code()] === Begins.Word) return this.#word(start, true);
    const whole = this.#digits();
    const hasPoint = this.#text.charAt(this.#at) === '.';
    if (hasPoint) this.#at++;
    const fraction = hasPoint ? this.#digits() : '';
    if (whole === '' && fraction === '') return 'a number has no digits';
    const exponent = this.#exponent();
    const digits = whole.replace(/^0+(?=\d)/, '') || '0';
    const written = `${sign}${digits}${fraction && `.${fraction}`}${exponent}`;
    if (written !== this.#text.slice(start, this.#at)) this.#replace('numbers', start, this.#at, written);
    return undefined;
  }

  /** If no digits follow, nothing is consumed, and the text does not parse. */
  #exponent(): string {
    const start = this.#at;
    if (this.#text.charAt(this.#at).toLowerCase() !== 'e') return '';
    this.#at++;
    if ('+-'.includes(this.#text.charAt(this.#at))) this.#at++;
    if (this.#digits() === '') this.#at = start;
    return this.#text.slice(start, this.#at);
  }

  #digits(): string {
    const start = this.#at;
    while (isDigit(this.#code())) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** @param from index of its sign or first character */
  #word(from: number, signed: boolean): string | undefined {
    const start = this.#at;
    while (this.#at - start <= LONGEST_WORD && BEGINS[this.#code()] === Begins.Word) this.#at++;
    const word = this.#text.slice(start, this.#at);
    const lower = word.toLowerCase();
    const meant = WORDS.get(lower);
    if (meant === undefined || (signed && !SIGNED.has(lower))) return `"${word}" is no JSON value`;
    if (meant !== word) this.#replace('literals', from, this.#at, meant);
    return undefined;
  }

  #drop(at: number): void {
    this.#replace('stray-commas', at, at + 1, '');
  }

  /** Edits are in the order of the text. */
  #replace(kind: TextRepair, from: number, to: number, text: string): void {
    this.kinds.add(kind);
    this.#parts.push(this.#text.slice(this.#from, from), text);
    this.#from = to;
  }

  /** NaN beyond the end, which is in no class. */
  #code(ahead = 0): number {
    return this.#at + ahead < this.#end ? this.#text.charCodeAt(this.#at + ahead) : Number.NaN;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}
