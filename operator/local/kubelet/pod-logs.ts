/**
 * What Pods write: each into a file of its own, bounded; warnings and errors also onto the terminal, a few
 * at a time.
 */
import { appendFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** Of each Pod this much is kept, and as much again of what was before. */
const MAX_BYTES = 20 * 1024 * 1024;
/** More warnings of one Pod than this in a window are only counted. */
const MAX_SHOWN = 5;
const WINDOW_MS = 10_000;
/** Pods come and go; files of those before stay. */
const MAX_STREAMS = 200;

interface Stream {
  readonly file: string;
  bytes: number;
  windowFrom: number;
  shown: number;
}

export class PodLogs {
  readonly folder: string;
  readonly #show: (line: string) => void;
  readonly #now: () => number;
  readonly #streams = new Map<string, Stream>();

  /** @param show takes what belongs onto the terminal */
  constructor(folder: string, show: (line: string) => void, now: () => number) {
    this.folder = folder;
    this.#show = show;
    this.#now = now;
    mkdirSync(folder, { recursive: true });
  }

  /** Takes one line of `name`. Lines of stderr count as errors unless they say otherwise. */
  write(name: string, line: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    const log = this.#stream(name);
    appendFileSync(log.file, `${line}\n`);
    log.bytes += Buffer.byteLength(line) + 1;
    if (log.bytes > MAX_BYTES) {
      renameSync(log.file, `${log.file}.1`);
      log.bytes = 0;
    }
    const trouble = troubleIn(line, stream);
    if (trouble !== undefined) this.#showBounded(name, log, trouble);
  }

  #stream(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = { file: join(this.folder, `${name}.log`), bytes: 0, windowFrom: 0, shown: 0 };
      this.#streams.set(name, stream);
      const [oldest] = this.#streams.keys();
      if (this.#streams.size > MAX_STREAMS && oldest !== undefined) this.#streams.delete(oldest);
    }
    return stream;
  }

  #showBounded(name: string, log: Stream, text: string): void {
    const now = this.#now();
    if (now - log.windowFrom > WINDOW_MS) {
      log.windowFrom = now;
      log.shown = 0;
    }
    log.shown += 1;
    if (log.shown <= MAX_SHOWN) this.#show(`${name}: ${text}`);
    else if (log.shown === MAX_SHOWN + 1) this.#show(`${name}: more of this in ${log.file}`);
  }
}

/** The text for the terminal if the line tells of trouble: of our programs by its level, of others by its words. */
export function troubleIn(line: string, stream: 'stdout' | 'stderr'): string | undefined {
  const record = line.startsWith('{') ? parsed(line) : undefined;
  if (record !== undefined) {
    const { level, msg } = record;
    if (level !== 'warn' && level !== 'error') return undefined;
    return [msg, ...details(record)].join(' ');
  }
  // Redis advises this on almost every machine that is not tuned for it.
  if (/overcommit/i.test(line)) return undefined;
  // Of a stack trace the message is enough here.
  if (stream === 'stderr' && /^(?!node:)\S/.test(line)) return line;
  return /\b(error|fatal|failed|abort|denied|out of memory)/i.test(line) ? line : undefined;
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const UNINTERESTING = new Set(['level', 'time', 'name', 'pid', 'hostname', 'msg', 'stack', 'pod']);

function details(record: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(record)
    .filter(([field]) => !UNINTERESTING.has(field))
    .map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
}
