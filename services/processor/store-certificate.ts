/** Looks from time to time when the certificate of Redis expires. Not with each scrape: that must not wait for a Redis that is away. */

/** Between looks, and after one that failed; ms. */
const EVERY_MS = 60_000;
const RETRY_MS = 15_000;

export class StoreCertificate implements Disposable {
  /** ms since 1970; undefined until the first look that told. */
  expires: number | undefined;
  readonly #read: () => Promise<number | undefined>;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param read does not reject; undefined where it cannot be read */
  constructor(read: () => Promise<number | undefined>) {
    this.#read = read;
    void this.#look();
  }

  async #look(): Promise<void> {
    const found = await this.#read();
    // It is still true if Redis is away now: a figure that disappears would end the alert.
    this.expires = found ?? this.expires;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#look(), found === undefined ? RETRY_MS : EVERY_MS);
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
