/**
 * The flight recorder of a proxy: collects what happens on the sockets of recorded stations, and appends it to the stream, redacted.
 *
 * No station waits for it. What happened in one turn of the event loop is redacted after that turn, a part at a time, and written with
 * one pipeline; one is in flight. What does not fit meanwhile is lost, and so is what the store does not take: both are
 * counted, and a `gap` says so in the recording of the station.
 */
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { FrameRecorder, RecordedSocket, SocketEvent } from '../../station-server/frame-recorder.ts';
import type { RecordedEntry } from '../../transport/recorder/recorded-frames.ts';
import type { Gateway } from '../../transport/gateway.ts';
import type { ProxySettings } from '../config.ts';
import type { Lost, ProxyMetrics } from '../metrics.ts';
import { RecordedStations } from './recorded-stations.ts';
import { EntryWriter, type Happening } from './recording.ts';

/** What waits to be written: events, and characters of their texts. */
const MOST_WAITING = 2000;
const MOST_CHARACTERS = 4 * 1024 * 1024;
/** Redacted and written at once, and characters of their texts: some ms of work. */
const AT_ONCE = 100;
const CHARACTERS_AT_ONCE = 64 * 1024;
/** How long a stop waits for what is not written, and between looks; ms. */
const STOP_MS = 1000;
const STEP_MS = 5;
/** Stations whose lost frames are counted one by one. */
const MOST_GAPS = 1000;

export interface RecorderOptions {
  readonly stations: RecordedStations;
  readonly gateway: Pick<Gateway, 'events' | 'isFull'>;
  readonly clock: Clock;
  readonly observer: { recorded(frames: number): void; lost(frames: number, why: Lost): void };
}

interface Gap {
  readonly about: Pick<RecordedEntry, 'station' | 'connection' | 'protocol'>;
  lost: number;
}

export class Recorder implements FrameRecorder {
  readonly #options: RecorderOptions;
  #waiting: Happening[] = [];
  #characters = 0;
  #isWriting = false;
  readonly #gaps = new Map<string, Gap>();
  #writer: EntryWriter | undefined;
  #writerKey: string | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  isRecorded(stationId: string): boolean {
    return this.#options.stations.has(stationId);
  }

  opened(socket: RecordedSocket): void {
    const { stations } = this.#options;
    stations.connected(socket.session.stationId);
    if (stations.has(socket.session.stationId)) this.#add(socket, { kind: 'connected' });
  }

  closed(socket: RecordedSocket, reason: string): void {
    const { stations } = this.#options;
    if (stations.has(socket.session.stationId)) this.#add(socket, { kind: 'disconnected', reason });
    stations.disconnected(socket.session.stationId);
  }

  record(socket: RecordedSocket, event: SocketEvent): void {
    this.#add(socket, event);
  }

  /** How many are recorded. */
  get stations(): number {
    return this.#options.stations.size;
  }

  /** Finds recordings from now on. */
  start(): void {
    this.#options.stations.start();
  }

  /** Resolves when nothing waits any more, or after a while. */
  async stop(): Promise<void> {
    this.#options.stations[Symbol.dispose]();
    for (let left = STOP_MS; this.#isWriting && left > 0; left -= STEP_MS) await sleep(STEP_MS);
  }

  #add({ session, epoch }: RecordedSocket, event: Happening['event']): void {
    const happening = { session, epoch, at: this.#options.clock.now(), event };
    const size = sizeOf(happening);
    if (this.#waiting.length >= MOST_WAITING || this.#characters + size > MOST_CHARACTERS) {
      this.#lose([aboutOf(happening)], 'buffer');
      return;
    }
    this.#characters += size;
    this.#waiting.push(happening);
    if (this.#isWriting) return;
    this.#isWriting = true;
    setImmediate(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const part = this.#nextPart();
      for (const one of part) this.#characters -= sizeOf(one);
      await this.#write(part);
      // The sockets have the next turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isWriting = false;
  }

  #nextPart(): Happening[] {
    let characters = 0;
    const first = this.#waiting.slice(0, AT_ONCE);
    const tooMuch = first.findIndex((one) => (characters += sizeOf(one)) > CHARACTERS_AT_ONCE);
    // One that is too long alone is a part of its own.
    return this.#waiting.splice(0, tooMuch < 0 ? first.length : Math.max(1, tooMuch));
  }

  async #write(part: readonly Happening[]): Promise<void> {
    const { gateway, observer } = this.#options;
    const writer = this.#currentWriter();
    const abouts = part.map(aboutOf);
    if (writer === undefined) return this.#lose(abouts, 'store');
    if (gateway.isFull()) return this.#lose(abouts, 'memory');
    const gaps = [...this.#gaps.values()];
    this.#gaps.clear();
    const at = part[0]?.at ?? this.#options.clock.now();
    const marks = gaps.map(({ about, lost }): RecordedEntry => ({ at, ...about, type: 'gap', lost }));
    try {
      await gateway.events.recordFrames([...marks, ...part.map((one) => writer.entryOf(one))]);
      observer.recorded(part.length);
    } catch {
      // The gateway reports that its store is away.
      for (const { about, lost } of gaps) this.#note(about, lost);
      this.#lose(abouts, 'store');
    }
  }

  /** The key changes only if the store lost its data; then open CALLs are forgotten. */
  #currentWriter(): EntryWriter | undefined {
    const { key } = this.#options.stations;
    if (key !== this.#writerKey) {
      this.#writer = key === undefined ? undefined : new EntryWriter(key);
      this.#writerKey = key;
    }
    return this.#writer;
  }

  #lose(abouts: readonly Gap['about'][], why: Lost): void {
    this.#options.observer.lost(abouts.length, why);
    for (const about of abouts) this.#note(about, 1);
  }

  #note(about: Gap['about'], lost: number): void {
    const gap = this.#gaps.get(about.station);
    if (gap !== undefined) gap.lost += lost;
    else if (this.#gaps.size < MOST_GAPS) this.#gaps.set(about.station, { about, lost });
  }
}

const aboutOf = ({ session: { stationId, protocol }, epoch }: Happening) => ({
  station: stationId,
  connection: epoch,
  protocol,
});

const sizeOf = ({ event }: Happening) => (event.kind === 'frame' ? event.text.length : 0);

export interface ProxyParts {
  /** The share is read each time, as it may change. */
  readonly settings: Pick<ProxySettings, 'recordShare'>;
  readonly gateway: Gateway;
  readonly clock: Clock;
  readonly metrics: Pick<ProxyMetrics, 'recorded' | 'recordingLost'>;
  readonly onError: (error: Error) => void;
}

export function createRecorder({ settings, gateway, clock, metrics, onError }: ProxyParts): Recorder {
  const { state } = gateway;
  const share = () => settings.recordShare;
  return new Recorder({
    stations: new RecordedStations({ state, share, clock, onError }),
    gateway,
    clock,
    observer: {
      recorded: (frames) => metrics.recorded.inc(frames),
      lost: (frames, why) => metrics.recordingLost.inc({ why }, frames),
    },
  });
}
