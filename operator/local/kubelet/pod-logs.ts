/** The output of Pods: one bounded file each. Warnings and errors also appear on the terminal, at a limited rate. */
import { appendFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** Size of the log file of a Pod; one rotated file is kept besides. */
const MAX_BYTES = 20 * 1024 * 1024;
/** Warnings of one Pod on the terminal, per window. */
const MAX_SHOWN = 5;
const WINDOW_MS = 10_000;
/** Files of older Pods stay. */
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

  /** @param show gets lines for the terminal */
  constructor(folder: string, show: (line: string) => void, now: () => number) {
    this.folder = folder;
    this.#show = show;
    this.#now = now;
    mkdirSync(folder, { recursive: true });
  }

  /** Writes one line of `name`. Lines of stderr are errors unless their level says otherwise. */
  write(name: string, line: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    const log = this.#stream(name);
    appendFileSync(log.file, `${line}\n`);
    log.bytes += Buffer.byteLength(line) + 1;
    if (log.bytes > MAX_BYTES) {
      renameSync(log.file, `${log.file}.1`);
      log.bytes = 0;
    }
    const warning = warningIn(line, stream);
    if (warning !== undefined) this.#showBounded(name, log, warning);
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

/** The text for the terminal if the line is a warning or an error, by its level or, in plain text, by its words. */
export function warningIn(line: string, stream: 'stdout' | 'stderr'): string | undefined {
  const record = line.startsWith('{') ? parsed(line) : undefined;
  if (record !== undefined) {
    const { level, msg } = record;
    if (level !== 'warn' && level !== 'error') return undefined;
    return [msg, ...details(record)].join(' ');
  }
  // Redis warns of this on almost every machine.
  if (/overcommit/i.test(line)) return undefined;
  // The message of a stack trace is enough.
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
