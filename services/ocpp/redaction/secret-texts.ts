/** Tags and other secrets of a station that were seen, so that a text that repeats one is hidden. */
const MOST_SECRETS = 64;
/** A shorter text is in too many others. */
const SHORTEST_SECRET = 4;
/** A longer one is no tag or password, and of no use here. */
const LONGEST_SECRET = 100;
/** A shorter tag may be a part of a word by chance. */
const SHORTEST_IN_WORD = 8;

/** The newest ones only. */
export class SecretTexts {
  readonly #tags = new Set<string>();
  /** Apart from the tags, as a report of variables has more values than are kept. */
  readonly #values = new Set<string>();

  /** How many were added that were not known. */
  added = 0;

  addTag(text: string): void {
    if (keep(this.#tags, text)) this.added++;
  }

  /** A password or another value that is hidden. */
  addValue(text: string): void {
    if (keep(this.#values, text)) this.added++;
  }

  /** Whether it is a word that may not be shown. A value of letters only, such as `Available`, is a word of enumerations too. */
  has(word: string): boolean {
    const lower = word.trim().toLowerCase();
    if (this.#tags.has(lower) || (/\d/.test(lower) && this.#values.has(lower))) return true;
    for (const tag of this.#tags) if (tag.length >= SHORTEST_IN_WORD && lower.includes(tag)) return true;
    return false;
  }

  isIn(text: string): boolean {
    const lower = text.toLowerCase();
    for (const secret of this.#tags) if (lower.includes(secret)) return true;
    for (const secret of this.#values) if (lower.includes(secret)) return true;
    return false;
  }
}

/** @returns whether it is new */
function keep(texts: Set<string>, text: string): boolean {
  const lower = text.trim().toLowerCase();
  if (lower.length < SHORTEST_SECRET || lower.length > LONGEST_SECRET) return false;
  const isNew = !texts.delete(lower);
  texts.add(lower);
  const [oldest] = texts;
  if (texts.size > MOST_SECRETS && oldest !== undefined) texts.delete(oldest);
  return isNew;
}
