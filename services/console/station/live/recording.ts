/**
 * The recording of one station, and its frames as they come. While it is recorded, what was recorded before is read first; without a
 * recording it is read on request only, as it may be thousands of frames.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import { ApiProblem, api, read, type Schemas } from '../../api/client.ts';
import { followStream, type StreamEvent } from '../../api/event-stream.ts';
import { frameIn, type Kept, NOTHING, type PageMarker, type RecordedFrame, withFrames } from './frames.ts';

export type Recording = Schemas['Recording'];

/** Between changes that are seen; ms. */
const SEEN_EVERY = 100;
/** Of what was recorded before. */
const PAGE = 1000;
const MOST_PAGES = 20;

export class LiveFrames {
  readonly #station: string;
  readonly #kept = signal<Kept>(NOTHING);
  readonly #problem = signal<ApiProblem | undefined>(undefined);
  readonly #listeners = new Set<(frames: readonly RecordedFrame[]) => void>();
  #waiting: RecordedFrame[] = [];
  #timer = 0;
  /** Cursor of the last frame. */
  #after: string | undefined;

  constructor(station: string) {
    this.#station = station;
  }

  get kept(): ReadonlySignal<Kept> {
    return this.#kept;
  }

  /** Why frames cannot be read. */
  get problem(): ReadonlySignal<ApiProblem | undefined> {
    return this.#problem;
  }

  /** Calls with all frames as they come. @returns ends it */
  listen(listener: (frames: readonly RecordedFrame[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  clear(): void {
    this.#waiting = [];
    this.#kept.value = { ...NOTHING, next: this.#kept.peek().next };
  }

  /**
   * While the station is recorded, reads what is kept and not read yet, and follows until the signal aborts. Without a recording it reads
   * the rest of one that it followed.
   */
  async follow(over: AbortSignal, isRecorded: boolean): Promise<void> {
    if (!isRecorded && this.#after === undefined) return;
    try {
      await this.load(over);
      if (!isRecorded) return;
      await followStream({
        path: `/v1/recordings/${encodeURIComponent(this.#station)}/frames/stream`,
        ...(this.#after !== undefined && { after: this.#after }),
        onEvents: (events) => this.#take(events),
        onOpen: (isAgain) => isAgain && this.#add([marker('resumed')]),
        signal: over,
      });
    } catch (error) {
      if (over.aborted) return;
      this.#problem.value = error instanceof ApiProblem ? error : new ApiProblem(0, '', String(error));
    }
  }

  /** Reads what is kept and not read yet. @throws ApiProblem */
  async load(over?: AbortSignal): Promise<void> {
    try {
      await this.#readKept(over);
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.code !== 'events-lost') throw error;
      // The recorder has dropped what follows: what it still has begins later.
      this.#after = undefined;
      this.#add([marker('missed')]);
      await this.#readKept(over);
    }
    this.#problem.value = undefined;
  }

  async #readKept(over: AbortSignal | undefined): Promise<void> {
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const after = this.#after;
      const params = {
        path: { station: this.#station },
        query: { limit: PAGE, ...(after !== undefined && { after }) },
      };
      const { items, next } = await read(
        api.GET('/v1/recordings/{station}/frames', { params, ...(over && { signal: over }) }),
      );
      this.#add(items);
      this.#after = next ?? after;
      if (next === undefined || next === after) return;
    }
  }

  #take(events: readonly StreamEvent[]): void {
    this.#add(
      events.flatMap(({ event, data }) =>
        event === 'events-lost' ? [marker('missed')] : (frameIn(data) ?? []),
      ),
    );
  }

  #add(frames: readonly RecordedFrame[]): void {
    if (frames.length === 0) return;
    const last = frames.findLast(({ id }) => id !== '');
    if (last !== undefined) this.#after = last.id;
    for (const listener of this.#listeners) listener(frames);
    this.#waiting.push(...frames);
    if (this.#timer === 0) this.#timer = setTimeout(() => this.#show(), SEEN_EVERY);
  }

  #show(): void {
    this.#timer = 0;
    const frames = this.#waiting;
    this.#waiting = [];
    this.#kept.value = withFrames(this.#kept.peek(), frames);
  }
}

const marker = (type: PageMarker): RecordedFrame => ({ id: '', at: Date.now(), connection: 0, type });

/** @returns undefined where the station is not recorded */
export async function recordingOf(station: string, over: AbortSignal): Promise<Recording | undefined> {
  const { items } = await read(api.GET('/v1/recordings', { signal: over }));
  return items.find((one) => one.station === station);
}

/** Starts one, or sets the end of the one that runs. */
export async function record(station: string, minutes: number): Promise<void> {
  const params = { path: { station } };
  await read(api.PUT('/v1/recordings/{station}', { params, body: { minutes } }));
}

export async function endRecording(station: string): Promise<void> {
  await read(api.DELETE('/v1/recordings/{station}', { params: { path: { station } } }));
}
