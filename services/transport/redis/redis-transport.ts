/**
 * The processor side of the data path: takes entries in batches, hands them to the one handler, and finishes
 * whatever is done with one script a turn. An entry stands in this process's hash in Redis from the take to
 * the finish, so that whoever survives this process finds it.
 */
import type { Frame } from '../../ocpp/frame.ts';
import { TransportError } from '../errors.ts';
import type { MessageHandler } from '../delivery.ts';
import type { ReadLoad } from '../load.ts';
import type { StateStore } from '../stored-state.ts';
import type { ConnectionEvent, Transport } from '../transport.ts';
import { openConnection, type RedisSettings, unavailable } from './connection/connection.ts';
import { ControlEvents } from './session/control-events.ts';
import { readRequest, type Request, splitCount } from './queue/envelope.ts';
import { Finisher } from './queue/acknowledger.ts';
import { type Keys } from './keys.ts';
import { readLoad } from './queue/load.ts';
import { Membership } from './lease/membership.ts';
import { QueueTaker } from './queue/claimer.ts';
import { Readers } from './connection/readers.ts';
import { RedisState } from './state/state-reader.ts';
import { LEAST_POOL_SIZE, POOL_SIZE } from './connection/settings.ts';
import { RedisCalls } from './calls/station-calls.ts';
import { Stations } from './session/stations.ts';
import { putBackAll } from './lease/reclaim.ts';
import { Unfinished } from './queue/unacknowledged.ts';

export interface RedisTransportOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  /** The Pod's name; the process's id in Redis begins with it. */
  readonly name: string;
  readonly leaseMs?: number;
}

/** Deliveries in hand at most, and in one take. */
export const MAX_IN_HAND = 200;
const MAX_TAKE = 100;
/** A delivery that could not be handled is given back after so long; ms. */
const GIVE_BACK_MS = 500;

export class RedisTransport implements Transport {
  readonly calls: RedisCalls;
  readonly state: StateStore;
  readonly load: ReadLoad;
  readonly #options: RedisTransportOptions;
  readonly #member: Membership;
  readonly #control: ControlEvents;
  readonly #stations: Stations;
  readonly #queue: QueueTaker;
  readonly #readers: Readers;
  readonly #finisher: Finisher;
  readonly #unfinished: Unfinished;
  readonly #failed: ((error: Error) => void)[] = [];
  #handler: MessageHandler | undefined;
  #running = false;
  #loop: Promise<void> = Promise.resolve();
  /** Running numbers of what is taken and not finished; another set with each registration. */
  #inHand = new Set<string>();
  /** What is in hand was rescued from a dead process: nothing else is taken beside it. */
  #alone = false;
  #changed: (() => void) | undefined;

  constructor(options: RedisTransportOptions) {
    this.#options = options;
    this.#member = new Membership({
      ...options,
      role: 'processor',
      onError: (error) => this.#report(error),
      onLost: () => this.#forget(),
    });
    this.#control = new ControlEvents({
      ...options,
      commands: this.#member.commands,
      onError: (error) => this.#report(error),
    });
    this.#queue = new QueueTaker(this.#member);
    this.#finisher = new Finisher(
      this.#member,
      () => this.#wake(),
      (error) => this.#report(error),
    );
    const { redis, keys } = options;
    this.#unfinished = new Unfinished(
      this.#member,
      () => this.#wake(),
      (error) => this.#report(error),
    );
    this.#stations = new Stations(this.#member.commands, keys, redis);
    this.#readers = new Readers(
      this.#member.commands,
      () => openConnection(redis, 'commands', (error) => this.#report(error)),
      (redis.poolSize ?? POOL_SIZE) - LEAST_POOL_SIZE,
    );
    this.state = new RedisState(this.#member, this.#readers, redis, keys);
    this.load = () => readLoad(this.#member.commands, this.#member.keys);
    this.calls = new RedisCalls({
      ...options,
      commands: this.#member.commands,
      onError: (error) => this.#report(error),
    });
  }

  async start(): Promise<void> {
    if (this.#handler === undefined) throw new TransportError('bad-settings', 'set onMessage before start');
    await this.#member.start();
    await this.#control.start();
    // Stopped while it waited for Redis: nothing may begin now that nobody would end.
    if (this.#member.stopping) return;
    this.#running = true;
    this.#loop = this.#takeAll();
  }

  async stop(graceMs = 0): Promise<void> {
    this.#running = false;
    const end = performance.now() + graceMs;
    while (this.#inHand.size > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { pid, commands, keys } = this.#member;
    this.#member.retire();
    this.#member.blocking.disconnect();
    this.#control.stop();
    this.calls.stop();
    this.#readers.close();
    this.#wake();
    await this.#loop;
    try {
      if (pid !== '' && commands.status === 'ready') {
        await this.#member.endBlocking();
        await putBackAll(commands, keys, pid, 'leave');
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

  async #takeAll(): Promise<void> {
    for (let failures = 0; this.#running;) {
      try {
        await this.#takeSome();
        failures = 0;
      } catch (error) {
        if (!this.#running) return;
        if (failures++ % 10 === 3) this.#report(unavailable(this.#options.redis.addr, error));
        await this.#member.pause(failures);
      }
    }
  }

  async #takeSome(): Promise<void> {
    const { pid } = this.#member;
    const room = MAX_IN_HAND - this.#inHand.size;
    if (room <= 0 || (this.#alone && this.#inHand.size > 0)) return this.#change();
    this.#alone = false;
    const reply = await this.#queue.take(pid, Math.min(room, MAX_TAKE));
    if (pid !== this.#member.pid) return;
    if (reply === 'gone') return this.#member.lost(pid);
    if (reply === 'busy') return this.#change();
    this.#accept(reply);
    // Lets the handlers run, and answers gather, before the next take.
    return new Promise((resolve) => setImmediate(resolve));
  }

  #accept(reply: readonly string[]): void {
    for (let i = 1; i < reply.length; i += 2) {
      const number = reply[i] ?? '';
      const raw = reply[i + 1] ?? '';
      const { entry, count } = splitCount(raw);
      if (this.#inHand.has(number)) continue;
      this.#inHand.add(number);
      this.#alone ||= count > 1;
      const read = readRequest(entry);
      if (read.ok) void this.#handle(number, raw, read.request, count);
      else {
        const what = `an entry of ${this.#member.keys.requests} is unreadable: ${read.reason}`;
        this.#report(new TransportError('bad-envelope', what));
        void this.#unfinished.bury(number, this.#inHand, read.reason);
      }
    }
  }

  async #handle(number: string, entry: string, request: Request, deliveryCount: number): Promise<void> {
    const { stationId, epoch, protocol, frame, receivedAt, registration, repaired } = request;
    const delivery = {
      stationId,
      epoch,
      protocol,
      frame,
      receivedAt,
      deliveryCount,
      ...(registration && { registration }),
      ...(repaired && { repaired }),
    };
    const inHand = this.#inHand;
    try {
      const outcome = await this.#handler?.(delivery);
      // Of a registration that was lost: if Redis lost its numbers too, another entry may have this one now.
      if (outcome === undefined || inHand !== this.#inHand) return;
      if (outcome.deadLetter === undefined) this.#finisher.add({ number, entry, request, outcome, inHand });
      else void this.#unfinished.bury(number, inHand, outcome.deadLetter);
    } catch (error) {
      const message = `message ${frame.id} of station ${stationId} could not be handled and comes again`;
      this.#report(new Error(message, { cause: error }));
      const why = `its handler failed: ${error instanceof Error ? error.message : String(error)}`;
      const what = error instanceof TransportError && error.retryable ? 'untried' : 'failed';
      setTimeout(() => {
        if (inHand === this.#inHand) void this.#unfinished.giveBack(number, inHand, what, why);
      }, GIVE_BACK_MS);
    }
  }

  /** The registration is lost: what was in hand is others' now. */
  #forget(): void {
    this.#inHand = new Set();
    this.#finisher.forget();
    this.#alone = false;
    this.#queue.forget();
    this.#wake();
  }

  /** Resolves when something in hand was finished. */
  #change(): Promise<void> {
    if (this.#inHand.size === 0) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  #wake(): void {
    this.#changed?.();
    this.#changed = undefined;
  }

  #report(error: Error): void {
    for (const listener of this.#failed) listener(error);
  }
}
