/**
 * The bounded stream of recorded frames: ws-proxies append to it, clients read it. Frames are redacted before they get here
 * (docs/recorder.md).
 */

/** Stream of the transport. */
export const RECORDED = 'recorded';

/** Entries of the stream, and how long after the last one it is kept; s. */
export const RECORDED_KEPT = 20_000;
export const RECORDED_SECONDS = 7 * 86_400;
/** Of all entries together; about. */
export const RECORDED_BYTES = 64 * 1024 * 1024;
/** Characters of a text; a longer one is cut. */
export const RECORDED_TEXT = 16 * 1024;

/** What an entry of the stream is about: a message, or what happened to the connection and to the recording. */
export const RECORDED_TYPES = [
  'call',
  'result',
  'error',
  'result-error',
  'send',
  'unreadable',
  'connected',
  'disconnected',
  'unanswered',
  'gap',
] as const;
export type RecordedType = (typeof RECORDED_TYPES)[number];

export interface RecordedEntry {
  /** ms since 1970, by the clock of the ws-proxy. */
  readonly at: number;
  readonly station: string;
  /** Session epoch. */
  readonly connection: number;
  readonly protocol: string;
  readonly type: RecordedType;
  /** `in`: from the station. Omitted for markers of the connection and of a gap. */
  readonly direction?: 'in' | 'out';
  /** Of the CALL, also of its answer. */
  readonly action?: string;
  readonly messageId?: string;
  /** Redacted JSON; omitted where there is none. */
  readonly text?: string;
  /** The text is cut. */
  readonly truncated?: true;
  /** Size of the message as it was on the wire, before repair and redaction. */
  readonly bytes?: number;
  /** Kinds of repair by the ws-proxy. */
  readonly repairs?: readonly string[];
  /** Of an answer: since its CALL on this socket. */
  readonly latencyMs?: number;
  /** Why it was unreadable or dropped. */
  readonly problem?: string;
  /** Of `disconnected`: why. */
  readonly reason?: string;
  /** Of `gap`: frames that were not recorded. */
  readonly lost?: number;
}

type Fields = Readonly<Record<string, string>>;

/** An entry as the fields of the stream. */
export function recordedFields(entry: RecordedEntry): Fields {
  const { repairs, ...rest } = entry;
  const texts = Object.entries(rest).map(([name, value]) => [name, value === true ? '1' : String(value)]);
  return Object.fromEntries(
    repairs === undefined ? texts : [...texts, ['repairs', repairs.join(' ')]],
  ) as Fields;
}

const TYPES: ReadonlySet<string> = new Set(RECORDED_TYPES);
const NUMBERS = ['bytes', 'latencyMs', 'lost'] as const;
const TEXTS = ['action', 'messageId', 'text', 'problem', 'reason'] as const;

/** @returns undefined for an entry of another release that this one does not know */
export function readRecorded(fields: Fields): RecordedEntry | undefined {
  const { at, station, connection, protocol, type, direction, repairs, truncated } = fields;
  if (station === undefined || type === undefined || !TYPES.has(type)) return undefined;
  return {
    at: Number(at),
    station,
    connection: Number(connection),
    protocol: protocol ?? '',
    type: type as RecordedType,
    ...((direction === 'in' || direction === 'out') && { direction }),
    ...Object.fromEntries(
      TEXTS.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]] as const])),
    ),
    ...(truncated === '1' && { truncated: true }),
    ...Object.fromEntries(
      NUMBERS.flatMap((name) => (fields[name] === undefined ? [] : [[name, Number(fields[name])] as const])),
    ),
    ...(repairs !== undefined && { repairs: repairs.split(' ') }),
  };
}

/** Bytes of an entry beside its text: names, identity, the stream itself. */
const OVERHEAD = 400;
/** Weight of the newest entry. */
const WEIGHT = 1 / 500;

/**
 * How many entries the stream keeps, so that entries of this size stay within its bytes. Redis bounds a stream by its entries only, so
 * the average size of what this process appends counts.
 */
export class RecordedBound {
  #average = 1000;

  /** @returns the bound with these entries */
  with(entries: readonly RecordedEntry[]): number {
    for (const { text = '' } of entries) {
      this.#average += (OVERHEAD + Buffer.byteLength(text) - this.#average) * WEIGHT;
    }
    return Math.min(RECORDED_KEPT, Math.ceil(RECORDED_BYTES / this.#average));
  }
}
