/** A reader of DER, as far as revocation lists need it: elements with bounds, object identifiers, times. */

/** One element. Offsets are of the whole buffer. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  /** Where the content begins. */
  readonly content: number;
  readonly end: number;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[0]` of a structure, constructed. */
  first: 0xa0,
} as const;

export class Der {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The element at an offset. @throws RangeError when it does not end before `limit` */
  at(offset: number, limit = this.#bytes.length): DerElement {
    const tag = this.#byte(offset, limit);
    const first = this.#byte(offset + 1, limit);
    let content = offset + 2;
    let length = first;
    if (first >= 0x80) {
      const bytes = first - 0x80;
      if (bytes === 0 || bytes > 4) throw new RangeError(`a length of ${bytes} bytes at ${offset}`);
      length = 0;
      for (let index = 0; index < bytes; index++) length = length * 256 + this.#byte(content + index, limit);
      content += bytes;
    }
    const end = content + length;
    if (end > limit) throw new RangeError(`the element at ${offset} ends after its container`);
    return { tag, start: offset, content, end };
  }

  /** The elements inside another one, in their order. */
  *children({ content, end }: DerElement): Generator<DerElement, void, undefined> {
    for (let offset = content; offset < end;) {
      const child = this.at(offset, end);
      yield child;
      offset = child.end;
    }
  }

  /** With tag and length. */
  bytesOf({ start, end }: DerElement): Buffer {
    return this.#bytes.subarray(start, end);
  }

  contentOf({ content, end }: DerElement): Buffer {
    return this.#bytes.subarray(content, end);
  }

  /** Dotted numbers. */
  oidOf(element: DerElement): string {
    if (element.tag !== TAG.objectIdentifier)
      throw new RangeError(`no object identifier at ${element.start}`);
    const arcs: number[] = [];
    let arc = 0;
    for (const byte of this.contentOf(element)) {
      arc = arc * 128 + (byte & 0x7f);
      if (byte >= 0x80) continue;
      arcs.push(arc);
      arc = 0;
    }
    const [head = 0, ...rest] = arcs;
    const top = Math.min(2, Math.floor(head / 40));
    return [top, head - top * 40, ...rest].join('.');
  }

  /** ms since 1970; RFC 5280 §4.1.2.5 allows these two forms. */
  timeOf(element: DerElement): number {
    const text = this.contentOf(element).toString('latin1');
    const full = element.tag === TAG.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
    const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full) ?? [];
    const [year = Number.NaN, month = 1, day, hour, minute, second] = parts.map(Number);
    const time = Date.UTC(year, month - 1, day, hour, minute, second);
    if (Number.isNaN(time)) throw new RangeError(`no time at ${element.start}`);
    return time;
  }

  #byte(offset: number, limit: number): number {
    const byte = offset < limit ? this.#bytes[offset] : undefined;
    if (byte === undefined) throw new RangeError(`the bytes end at ${offset}`);
    return byte;
  }
}
