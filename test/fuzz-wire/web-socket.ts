/**
 * WebSocket frames of RFC 6455 as bytes: a writer that can break every rule, and a reader that says what a correct server
 * makes of the bytes of a client. The reader shares no code with the product or its library.
 */
import { isUtf8 } from 'node:buffer';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly fin?: boolean;
  /** Reserved bits, 0 to 7. */
  readonly reserved?: number;
  /** Four bytes; undefined: the frame is not masked. */
  readonly mask?: Buffer | undefined;
  /** Bits of the length field; the shortest by default. */
  readonly lengthBits?: 7 | 16 | 64;
  /** The length that the header names; that of the payload by default. */
  readonly claimed?: bigint;
}

/** One frame of a client. */
export function frameOf(opcode: number, payload: Buffer, options: FrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, mask, claimed = BigInt(payload.length) } = options;
  const bits = options.lengthBits ?? (claimed < 126n ? 7 : claimed < 65_536n ? 16 : 64);
  const length = Buffer.alloc(bits === 7 ? 1 : bits === 16 ? 3 : 9);
  if (bits === 7) length[0] = Number(claimed & 0x7fn);
  else if (bits === 16) {
    length[0] = 126;
    length.writeUInt16BE(Number(claimed & 0xffffn), 1);
  } else {
    length[0] = 127;
    length.writeBigUInt64BE(BigInt.asUintN(64, claimed), 1);
  }
  if (mask !== undefined) length[0] = (length[0] ?? 0) | 0x80;
  const first = Buffer.from([(fin ? 0x80 : 0) | ((reserved & 7) << 4) | (opcode & 0x0f)]);
  return Buffer.concat([first, length, mask ?? Buffer.alloc(0), masked(payload, mask)]);
}

function masked(payload: Buffer, mask: Buffer | undefined): Buffer {
  if (mask === undefined) return payload;
  const out = Buffer.from(payload);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return out;
}

export interface ServerRules {
  readonly maxMessageBytes: number;
  readonly maxFragments: number;
  /** Whether a text that is not UTF-8 ends the connection. */
  readonly checksUtf8: boolean;
}

/** What a correct server makes of the bytes of a client. */
export interface ClientBytes {
  /** Complete texts. */
  readonly texts: Buffer[];
  /** Payloads of pings. */
  readonly pings: Buffer[];
  /** `open`: the next byte begins a message; `unfinished`: a message has begun; or the codes of a correct Close. */
  readonly end: 'open' | 'unfinished' | readonly number[];
}

interface Head {
  readonly fin: boolean;
  readonly opcode: number;
  readonly length: number;
  readonly start: number;
  readonly mask: Buffer;
}

export function readClient(bytes: Buffer, rules: ServerRules): ClientBytes {
  const texts: Buffer[] = [];
  const pings: Buffer[] = [];
  const open: { opcode: number; parts: Buffer[]; size: number } = { opcode: 0, parts: [], size: 0 };
  const done = (end: ClientBytes['end']): ClientBytes => ({ texts, pings, end });
  let at = 0;
  while (at < bytes.length) {
    const head = readHead(bytes, at, open.opcode !== 0);
    if (head === undefined) return done('unfinished');
    if (Array.isArray(head)) return done(head);
    const { fin, opcode, length, start, mask } = head;
    const isData = opcode < 8;
    if (isData && open.size + length > rules.maxMessageBytes) return done([1009]);
    if (start + 4 + length > bytes.length) return done('unfinished');
    const payload = masked(bytes.subarray(start + 4, start + 4 + length), mask);
    at = start + 4 + length;
    if (opcode === OPCODE.close) return done(closeCodes(payload, rules));
    if (opcode === OPCODE.ping) pings.push(payload);
    if (!isData) continue;
    if (opcode !== OPCODE.continuation) open.opcode = opcode;
    open.parts.push(payload);
    open.size += length;
    if (open.parts.length > rules.maxFragments) return done([1008]);
    if (!fin) continue;
    if (open.opcode === OPCODE.binary) return done([1003]);
    const text = Buffer.concat(open.parts);
    if (rules.checksUtf8 && !isUtf8(text)) return done([1007]);
    texts.push(text);
    Object.assign(open, { opcode: 0, parts: [], size: 0 });
  }
  return done(open.opcode === 0 ? 'open' : 'unfinished');
}

/** The head of a frame; undefined while bytes are missing; or the codes of the Close that it earns (RFC 6455 §5.2, §5.5). */
function readHead(bytes: Buffer, at: number, inMessage: boolean): Head | number[] | undefined {
  const [first, second] = [bytes[at], bytes[at + 1]];
  if (first === undefined || second === undefined) return undefined;
  const fin = (first & 0x80) !== 0;
  const opcode = first & 0x0f;
  const short = second & 0x7f;
  const isControl = opcode >= 8;
  const wrong =
    (first & 0x70) !== 0 ||
    (second & 0x80) === 0 ||
    (opcode > 2 && opcode < 8) ||
    opcode > 10 ||
    (opcode === OPCODE.continuation && !inMessage) ||
    ((opcode === OPCODE.text || opcode === OPCODE.binary) && inMessage) ||
    (isControl && (!fin || short > 125)) ||
    (opcode === OPCODE.close && short === 1);
  if (wrong) return [1002];
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = at + 2 + extra;
  if (start > bytes.length) return undefined;
  const long =
    extra === 8 ? bytes.readBigUInt64BE(at + 2) : BigInt(extra === 2 ? bytes.readUInt16BE(at + 2) : short);
  // The first bit must be 0; a length that no buffer has is too long for any server.
  if (long > 0x1f_ffff_ffff_ffffn) return [1002, 1009];
  return { fin, opcode, length: Number(long), start, mask: bytes.subarray(start, start + 4) };
}

/** A server repeats the code of a client; a Close that is wrong in itself is a protocol error (§5.5.1, §7.4). */
function closeCodes(payload: Buffer, { checksUtf8 }: ServerRules): number[] {
  if (payload.length === 0) return [1005];
  const code = payload.readUInt16BE(0);
  const isReserved = code === 1004 || code === 1005 || code === 1006;
  const isValid = (code >= 1000 && code <= 1014 && !isReserved) || (code >= 3000 && code <= 4999);
  if (!isValid) return [1002];
  if (isUtf8(payload.subarray(2))) return [code];
  return checksUtf8 ? [1007] : [code];
}
