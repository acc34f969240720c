/**
 * The processor side of the data path: claims entries in batches, hands them to the one handler, and acknowledges all
 * outcomes of an event-loop turn with one script. From claim to acknowledgement an entry is in this process's hash in Redis,
 * so that another process finds it if this one dies.
 */
import type { Frame } from '../../ocpp/frame.ts';
import type { DeliveryTracing } from '../../runtime/tracing/tracing.ts';
import { messageOf, TransportError } from '../errors.ts';
import type { MessageHandler } from '../delivery.ts';
import type { SessionMetadata } from '../gateway.ts';
import type { ReadLoad } from '../load.ts';
import type { StateStore } from '../stored-state.ts';
import type { StoreStatus } from '../store-status.ts';
import type { ConnectionEvent, HandOver, Transport } from '../transport.ts';
import { openConnection, type RedisSettings } from './connection/connection.ts';
import { ControlEvents } from './session/control-events.ts';
import { readRequest, type Request, splitCount } from './queue/envelope.ts';
import { Acknowledger } from './queue/acknowledger.ts';
import type { Handled } from './queue/acknowledge.ts';
import { type Claimed, InFlight } from './queue/in-flight.ts';
import { escapeKey, type Keys } from './keys.ts';
import { queueLoad } from './queue/queue-load.ts';
import { Membership } from './lease/membership.ts';
import { Claimer } from './queue/claimer.ts';
import { Readers } from './connection/readers.ts';
import { RedisState } from './state/state-reader.ts';
import { LEAST_POOL_SIZE, POOL_SIZE } from './connection/settings.ts';
import { RedisCalls } from './calls/station-calls.ts';
import { Stations } from './session/stations.ts';
import { leave } from './lease/reclaim.ts';
import { Unacknowledged } from './queue/unacknowledged.ts';

export interface RedisTransportOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  /** The Pod's name; the process id in Redis begins with it. */
  readonly name: string;
  readonly leaseMs?: number;
  /** `namespace/name/uid` of the cluster that owns the keys. */
  readonly cluster?: string;
  /** What a release fails is for processors of another one while they live; omitted: not known. */
  readonly release?: string;
  /** Deliveries in flight at most, from 1. */
  readonly maxInFlight?: number;
  /** Omitted: no delivery is traced. */
  readonly tracing?: DeliveryTracing | undefined;
}

/** Deliveries in flight at most if the options name no number, and in one claim. */
export const MAX_IN_FLIGHT = 200;
const MAX_CLAIM = 100;
/** A delivery that could not be handled is requeued after so long; ms. */
const REQUEUE_MS = 500;

export class RedisTransport implements Transport {
  readonly calls: RedisCalls;
  readonly state: StateStore;
  readonly load: ReadLoad;
  readonly #member: Membership;
  readonly #control: ControlEvents;
  readonly #stations: Stations;
  readonly #claimer: Claimer;
  readonly #readers: Readers;
  readonly #inFlight: InFlight;
  readonly #acknowledger: Acknowledger;
  readonly #unacknowledged: Unacknowledged;
  readonly #tracing: DeliveryTracing | undefined;
  readonly #failed: ((error: Error) => void)[] = [];
  readonly #handedOver: ((handOver: HandOver) => void)[] = [];
  #handler: MessageHandler | undefined;
  #running = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: RedisTransportOptions) {
    const onError = (error: Error) => this.#report(error);
    this.#tracing = options.tracing;
    this.#inFlight = new InFlight(options.maxInFlight ?? MAX_IN_FLIGHT);
    const release = escapeKey(options.release ?? '');
    const onLost = () => this.#forget();
    this.#member = new Membership({ ...options, release, role: 'processor', onError, onLost });
    const { commands } = this.#member;
    const { redis, keys } = options;
    this.#control = new ControlEvents({ ...options, commands, onError });
    this.#claimer = new Claimer(this.#member);
    const onHandOver = (one: HandOver) => this.#handedOver.forEach((listener) => listener(one));
    this.#unacknowledged = new Unacknowledged(this.#member, this.#inFlight, onHandOver);
    this.#acknowledger = new Acknowledger(
      this.#member,
      this.#inFlight,
      this.#unacknowledged,
      (handled) => this.#handleAgain(handled),
      onError,
    );
    this.#stations = new Stations(commands, keys, redis);
    this.#readers = new Readers(
      commands,
      () => openConnection(redis, 'commands', onError),
      (redis.poolSize ?? POOL_SIZE) - LEAST_POOL_SIZE,
    );
    this.state = new RedisState(this.#member, this.#readers, redis, keys);
    this.load = () => queueLoad(commands, keys);
    this.calls = new RedisCalls({ ...options, commands, onError });
  }

  readonly store = (): StoreStatus => this.#member.store;

  async start(): Promise<void> {
    if (this.#handler === undefined) throw new TransportError('bad-settings', 'set onMessage before start');
    await this.#member.start();
    await this.#control.start();
    // Stopped while it waited for Redis: a loop that began now would never end.
    if (this.#member.stopping) return;
    this.#running = true;
    this.#loop = this.#claimAll();
  }

  isEnding(): Promise<boolean> {
    return this.#member.isEnding();
  }

  async stop(graceMs = 0): Promise<void> {
    this.#running = false;
    const end = performance.now() + graceMs;
    if (graceMs > 0) this.#member.leave();
    while (this.#inFlight.size > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { processId, commands, keys } = this.#member;
    this.#member.retire();
    this.#member.blocking.disconnect();
    this.#control.stop();
    this.calls.stop();
    this.#readers.close();
    this.#inFlight.wake();
    await this.#loop;
    try {
      if (processId !== '' && commands.status === 'ready') {
        await this.#member.endBlocking();
        await leave(commands, keys, processId);
      }
    } catch (error) {
      this.#report(error as Error);
    }
    await this.#member.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isRunning(): boolean {
    return this.#running && this.#member.healthy;
  }

  onMessage(handler: MessageHandler): void {
    this.#handler = handler;
  }

  onConnection(listener: (event: ConnectionEvent) => void): void {
    this.#control.onConnection(listener);
  }

  onDisconnection(listener: (event: ConnectionEvent) => void): void {
    this.#control.onDisconnection(listener);
  }

  onError(listener: (error: Error) => void): void {
    this.#failed.push(listener);
  }

  onHandOver(listener: (handOver: HandOver) => void): void {
    this.#handedOver.push(listener);
  }

  write(stationId: string, frame: Frame): Promise<void> {
    return this.#stations.write(stationId, frame);
  }

  writeToAll(frame: (stationId: string) => Frame): Promise<ReadonlyMap<string, Error>> {
    return this.#stations.writeToAll(frame);
  }

  connectedClients(): Promise<string[]> {
    return this.#stations.connected();
  }

  isClientConnected(stationId: string): Promise<boolean> {
    return this.#stations.isConnected(stationId);
  }

  sessionMetadata(stationId: string, epoch: number): Promise<SessionMetadata | undefined> {
    return this.#stations.metadata(stationId, epoch);
  }

  async #claimAll(): Promise<void> {
    const claim = () => this.#claim();
    const ended = () => !this.#running;
    while (this.#running) await this.#member.untilDone(claim, ended);
  }

  async #claim(): Promise<void> {
    const { processId } = this.#member;
    const { room, generation } = this.#inFlight;
    if (room === 0) return this.#inFlight.whenChanged();
    const reply = await this.#claimer.claim(processId, Math.min(room, MAX_CLAIM));
    // Also for an id that a renewal found lost meanwhile: an entry may have come to its staging list after the reclaim.
    if (reply === 'gone') return this.#member.lost(processId);
    if (processId !== this.#member.processId || generation !== this.#inFlight.generation) return;
    if (reply === 'busy') return this.#inFlight.whenChanged();
    for (let i = 1; i < reply.length; i += 2) this.#accept(reply[i] ?? '', reply[i + 1] ?? '');
    // Lets the handlers run, and outcomes gather, before the next claim.
    return new Promise((resolve) => setImmediate(resolve));
  }

  #accept(tag: string, raw: string): void {
    const { entry, count } = splitCount(raw);
    const claimed = this.#inFlight.add(tag, raw, count > 1);
    if (claimed === undefined) return;
    const read = readRequest(entry, count);
    if (read.ok) return void this.#handle(claimed, read.request);
    const what = `an entry of ${this.#member.keys.requests} is unreadable: ${read.reason}`;
    this.#report(new TransportError('bad-envelope', what));
    void this.#unacknowledged.reject(claimed, read.reason);
  }

  async #handle(claimed: Claimed, request: Request): Promise<void> {
    if (this.#tracing !== undefined) claimed.trace ??= this.#tracing.claimed(request);
    try {
      const outcome = await this.#handler?.(request);
      if (outcome === undefined) return;
      claimed.trace?.handled(outcome);
      if (!this.#inFlight.holds(claimed)) return claimed.trace?.unsettled('lost');
      const { deadLetter, failure } = outcome;
      if (deadLetter !== undefined) void this.#unacknowledged.reject(claimed, deadLetter);
      else if (failure === undefined || !(await this.#unacknowledged.handOver(claimed, failure)))
        this.#acknowledger.add({ claimed, request, outcome });
    } catch (error) {
      claimed.trace?.failed(error);
      const { frame, stationId } = request;
      const message = `message ${frame.id} of station ${stationId} could not be handled and is requeued`;
      this.#report(new Error(message, { cause: error }));
      const reason = `its handler failed: ${messageOf(error)}`;
      const counted = !(error instanceof TransportError && error.retryable);
      setTimeout(() => void this.#unacknowledged.requeue(claimed, counted, reason), REQUEUE_MS);
    }
  }

  /** Its handler relied on a record that has changed. One that does so again is at fault. */
  #handleAgain({ claimed, request }: Handled): void {
    if (request.unexpected !== true) return void this.#handle(claimed, { ...request, unexpected: true });
    const reason = 'its handler expects a record as it is not';
    void this.#unacknowledged.requeue(claimed, true, reason);
  }

  /** The registration is lost: other processes have what was in flight. */
  #forget(): void {
    this.#claimer.forget();
    this.#inFlight.forget();
  }

  #report(error: Error): void {
    for (const listener of this.#failed) listener(error);
  }
}
