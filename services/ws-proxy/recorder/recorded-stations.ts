/**
 * Which stations are recorded: those of the recordings in the store, and a share of all, chosen by a hash of the identity so that
 * every proxy chooses the same. A small read once a second finds changes; while the store is away, what was read last counts.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import {
  RECORDER,
  RECORDINGS,
  runningRecordings,
  type StoredRecording,
} from '../../transport/recorder/recordings.ts';
import type { StateStore } from '../../transport/stored-state.ts';

/** How often changes are looked for; ms. */
const READ_MS = 1000;
const KEY_BYTES = 32;

export interface RecordedStationsOptions {
  readonly state: Pick<StateStore, 'record' | 'fields' | 'amend'>;
  /** Of all stations that are recorded without being named; 0 to 1. Read each time, as it may change. */
  readonly share: () => number;
  readonly clock: Clock;
  readonly onError: (error: Error) => void;
}

export class RecordedStations implements Disposable {
  readonly #options: RecordedStationsOptions;
  #recordings: ReadonlyMap<string, StoredRecording> = new Map();
  #revision: string | undefined;
  #share = 0;
  /** Of what the stations were chosen. */
  #chosenFrom: ReadonlyMap<string, StoredRecording> | undefined;
  #stations = new Set<string>();
  /** Sockets of each connected station: the one that replaces another may open before that one is closed. */
  readonly #sockets = new Map<string, number>();
  #key: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;

  constructor(options: RecordedStationsOptions) {
    this.#options = options;
  }

  /** Recorded stations of the recordings, and the connected ones of the share. */
  get size(): number {
    return this.#key === undefined ? 0 : this.#stations.size;
  }

  /** Of the pseudonyms; undefined while it is not known: then nothing can be recorded. */
  get key(): string | undefined {
    return this.#key;
  }

  has(stationId: string): boolean {
    return this.#stations.has(stationId);
  }

  start(): void {
    void this.read();
    this.#timer = setInterval(() => void this.read(), READ_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** A socket of the station is open. */
  connected(stationId: string): void {
    this.#sockets.set(stationId, (this.#sockets.get(stationId) ?? 0) + 1);
    if (isInShare(stationId, this.#share)) this.#stations.add(stationId);
  }

  /** A socket of the station is closed. */
  disconnected(stationId: string): void {
    const left = (this.#sockets.get(stationId) ?? 0) - 1;
    if (left > 0) return void this.#sockets.set(stationId, left);
    this.#sockets.delete(stationId);
    if (!this.#recordings.has(stationId)) this.#stations.delete(stationId);
  }

  /** One reading at a time. Never rejects. */
  async read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      await this.#readStore();
    } catch (error) {
      this.#options.onError(error as Error);
    } finally {
      this.#isReading = false;
      this.#choose();
    }
  }

  async #readStore(): Promise<void> {
    const { state, clock, share } = this.#options;
    const { revision, key } = (await state.fields(RECORDER, ['revision', 'key'])) ?? {};
    this.#key = key ?? (share() > 0 ? await this.#newKey() : undefined);
    if (revision === this.#revision) return;
    this.#recordings = runningRecordings(await state.record(RECORDINGS), clock.now());
    this.#revision = revision;
  }

  /** Another process may have made one at the same time: the next reading finds it. */
  async #newKey(): Promise<string | undefined> {
    const key = randomBytes(KEY_BYTES).toString('base64url');
    const isStored = await this.#options.state.amend({
      expected: { key: RECORDER, field: 'key', value: undefined },
      writes: [{ kind: 'set', key: RECORDER, fields: { key } }],
      events: [],
    });
    return isStored ? key : undefined;
  }

  /** Recordings end by themselves. */
  #choose(): void {
    const { clock, share } = this.#options;
    const now = clock.now();
    const ended = [...this.#recordings].filter(([, { until }]) => until <= now);
    if (ended.length === 0 && share() === this.#share && this.#chosenFrom === this.#recordings) return;
    this.#recordings = new Map([...this.#recordings].filter(([, { until }]) => until > now));
    this.#share = share();
    this.#chosenFrom = this.#recordings;
    const ofShare =
      this.#share > 0 ? [...this.#sockets.keys()].filter((one) => isInShare(one, this.#share)) : [];
    this.#stations = new Set([...this.#recordings.keys(), ...ofShare]);
  }
}

/** Whether the station is one of this share of all: the same in every process. */
export function isInShare(stationId: string, share: number): boolean {
  if (share <= 0) return false;
  return createHash('sha256').update(stationId).digest().readUInt32BE(0) < share * 2 ** 32;
}
