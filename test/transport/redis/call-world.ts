/**
 * One station, two proxies and five calls, moved by the scripts in whatever order a property test makes up, each
 * perhaps twice. It keeps count of what a station would see, and checks after every move what must always hold.
 */
import assert from 'node:assert/strict';
import type { Frame } from '../../../services/ocpp/frame.ts';
import type { RedisConnection } from '../../../services/transport/redis/connection/connection.ts';
import { EnvelopeWriter, readOutbox, readRequest } from '../../../services/transport/redis/queue/envelope.ts';
import type { Keys } from '../../../services/transport/redis/keys.ts';
import { cancelCall } from '../../../services/transport/redis/calls/cancel-call.ts';
import { endCallsInTime } from '../../../services/transport/redis/calls/end-calls-in-time.ts';
import { makeCall } from '../../../services/transport/redis/calls/make-call.ts';
import { requeueCall } from '../../../services/transport/redis/calls/requeue-call.ts';
import { closeProxy } from '../../../services/transport/redis/lease/reclaim.ts';
import { register } from '../../../services/transport/redis/lease/register.ts';
import { acknowledge, prepareAcknowledgement } from '../../../services/transport/redis/queue/acknowledge.ts';
import { claimOutbox } from '../../../services/transport/redis/outbox/claim-outbox.ts';
import { endSessions } from '../../../services/transport/redis/session/end-sessions.ts';
import { openSession } from '../../../services/transport/redis/session/open-session.ts';
import { reserve } from '../../../services/transport/redis/state/reserve.ts';

export type Move =
  | { readonly kind: 'make'; readonly call: number; readonly patient: boolean }
  /** The station connects to a proxy; a connection that it had becomes half open. */
  | { readonly kind: 'connect'; readonly proxy: number }
  /** The socket of the youngest connection is gone, and Redis does not know yet. */
  | { readonly kind: 'cut' }
  /** A connection ends: the youngest, or one before it, which was replaced already. */
  | { readonly kind: 'disconnect'; readonly back: number }
  /** A proxy claims its outbox, and writes, or gets no reply and claims it again later. */
  | { readonly kind: 'take'; readonly proxy: number; readonly lost: boolean }
  /** An earlier requeue is repeated, late. */
  | { readonly kind: 'requeue'; readonly back: number }
  /** The station answers a call that it got: the latest, or one before it. */
  | { readonly kind: 'reply'; readonly back: number; readonly twice: boolean }
  | { readonly kind: 'time'; readonly call: number }
  | { readonly kind: 'cancel'; readonly call: number }
  | { readonly kind: 'reclaim'; readonly proxy: number }
  /** The station sends a message on its youngest connection, which is acknowledged. */
  | { readonly kind: 'speak'; readonly refused: boolean }
  /** It sends none for as long as its calls are held. */
  | { readonly kind: 'silence' };

interface Said {
  readonly frame: Frame;
  readonly text: string;
  readonly sequence: number;
}

interface Proxy {
  pid: string;
  seen: number;
}

const STATION = 'CP-1';
const OVER = new Set(['answered', 'not-sent', 'uncertain']);

export class CallWorld {
  readonly #redis: RedisConnection;
  readonly #keys: Keys;
  readonly #proxies = new Map<number, Proxy>();
  readonly #open = new Map<number, Proxy>();
  readonly #epochs: number[] = [];
  #numbers = 0;
  /** By message id: how often it was written, by which connection; how often replied; how it ended. */
  readonly #written = new Map<string, number>();
  readonly #writtenBy = new Map<string, number>();
  readonly #replied = new Set<string>();
  readonly #ends = new Map<string, string>();
  readonly #requeued: (readonly [string, number])[] = [];
  readonly #cut = new Set<number>();
  readonly #made = new Set<string>();

  constructor(redis: RedisConnection, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async perform(move: Move): Promise<void> {
    switch (move.kind) {
      case 'make':
        await this.#make(idOf(move.call), move.patient);
        break;
      case 'connect':
        await this.#connect(await this.#proxy(move.proxy));
        break;
      case 'cut':
        this.#cut.add(this.#epochs.at(-1) ?? 0);
        break;
      case 'disconnect':
        await this.#disconnect(this.#epochs.at(-1 - move.back));
        break;
      case 'take':
        await this.#take(await this.#proxy(move.proxy), move.lost);
        break;
      case 'requeue':
        await this.#requeue(this.#requeued.at(-1 - move.back));
        break;
      case 'reply':
        for (let i = move.twice ? 2 : 1; i > 0; i--)
          await this.#reply([...this.#writtenBy.keys()].at(-1 - move.back));
        break;
      case 'time':
        await this.#timeIsUp(idOf(move.call));
        break;
      case 'speak':
        await this.#speak(this.#epochs.at(-1), move.refused);
        break;
      case 'silence':
        await this.#redis.zadd(this.#keys.heldCalls, 'XX', 0, STATION);
        await endCallsInTime(this.#redis, this.#keys);
        break;
      case 'cancel':
        await cancelCall(this.#redis, this.#keys, idOf(move.call));
        break;
      default:
        await this.#reclaim(move.proxy);
    }
    await this.#check();
  }

  /** Ends the world in good order; returns how the calls ended, and finds that nothing is left of them. */
  async finish(): Promise<string[]> {
    for (const proxy of this.#proxies.values()) await this.#take(proxy, false);
    for (const epoch of this.#epochs) await this.#disconnect(epoch);
    for (const id of this.#made) await this.#timeIsUp(id);
    await this.#check();
    for (const id of this.#made) assert.ok(this.#ends.has(id), `${id} has no outcome`);
    const { prefix } = this.#keys;
    for (const key of [this.#keys.calls(STATION), this.#keys.callDeadlines, this.#keys.session(STATION)]) {
      assert.equal(await this.#redis.exists(key), 0, `${key} is left`);
    }
    assert.deepEqual(await this.#redis.keys(`${prefix}:correlation:*`), []);
    for (const id of this.#made)
      assert.ok((await this.#redis.ttl(this.#keys.call(id))) > 0, `${id} without expiry`);
    return [...this.#ends.values()];
  }

  async #make(id: string, patient: boolean): Promise<void> {
    const call = {
      stationId: STATION,
      action: 'Reset',
      messageId: id,
      text: `[2,"${id}","Reset",{}]`,
      ttlMs: 60_000,
      timeoutMs: 30_000,
      priority: 5,
      queueable: patient,
    };
    const redis = { addr: '', db: 0, clientTimeoutMs: 0 };
    await makeCall(this.#redis, this.#keys, { call, channel: 'caller', redis });
    this.#made.add(id);
  }

  async #proxy(index: number): Promise<Proxy> {
    const known = this.#proxies.get(index);
    if (known !== undefined) return known;
    const pid = `proxy-${index}-${this.#numbers++}`;
    await register(this.#redis, this.#keys, {
      role: 'proxy',
      processId: pid,
      leaseMs: 60_000,
      clientIds: [],
    });
    const proxy = { pid, seen: 0 };
    this.#proxies.set(index, proxy);
    return proxy;
  }

  async #connect(proxy: Proxy): Promise<void> {
    const counter = { counter: this.#keys.epoch, count: 1, floor: 1 };
    const epoch = await reserve(this.#redis, counter);
    const session = { stationId: STATION, protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
    for (let i = 0; i < 2; i++) {
      const opened = await openSession(this.#redis, this.#keys, { proxyId: proxy.pid, epoch, session });
      assert.equal(opened.kind, 'open');
    }
    this.#open.set(epoch, proxy);
    this.#epochs.push(epoch);
  }

  async #disconnect(epoch: number | undefined): Promise<void> {
    const proxy = this.#open.get(epoch ?? 0);
    if (epoch === undefined || proxy === undefined) return;
    this.#open.delete(epoch);
    for (let i = 0; i < 2; i++) {
      const sessions = [{ station: STATION, epoch }];
      await endSessions(this.#redis, this.#keys, { proxyId: proxy.pid, sessions });
    }
  }

  async #take(proxy: Proxy, lost: boolean): Promise<void> {
    const what = { proxyId: proxy.pid, received: proxy.seen };
    const [batch, ...entries] = await claimOutbox(this.#redis, this.#keys, what);
    if (lost || batch === proxy.seen) return;
    proxy.seen = batch;
    for (const raw of entries.toReversed()) {
      const entry = readOutbox(raw);
      if (entry === undefined || entry.type !== 2) continue;
      const { messageId: id, epoch } = entry;
      assert.equal(entry.timeoutMs, 30_000);
      if (this.#open.get(epoch) === proxy && !this.#cut.has(epoch)) {
        this.#written.set(id, (this.#written.get(id) ?? 0) + 1);
        this.#writtenBy.set(id, epoch);
      } else {
        this.#requeued.push([id, epoch]);
        for (let i = 0; i < 2; i++) await this.#requeue([id, epoch]);
      }
    }
  }

  async #requeue(which: readonly [string, number] | undefined): Promise<void> {
    if (which === undefined) return;
    const [messageId, epoch] = which;
    await requeueCall(this.#redis, this.#keys, { messageId, epoch });
  }

  async #reply(id: string | undefined): Promise<void> {
    const epoch = this.#writtenBy.get(id ?? '');
    if (id === undefined || epoch === undefined) return;
    this.#replied.add(id);
    const frame = { type: 3, id, payload: {} } as const;
    await this.#acknowledge(epoch, { frame, text: `[3,"${id}",{}]`, sequence: 0 }, false);
  }

  async #speak(epoch: number | undefined, refused: boolean): Promise<void> {
    if (epoch === undefined) return;
    const sequence = ++this.#numbers;
    const id = `said-${sequence}`;
    const frame = { type: 2, id, action: 'Heartbeat', payload: {} } as const;
    await this.#acknowledge(epoch, { frame, text: `[2,"${id}","Heartbeat",{}]`, sequence }, refused);
  }

  async #acknowledge(epoch: number, { frame, text, sequence }: Said, refused: boolean): Promise<void> {
    const tag = String(++this.#numbers);
    const processId = 'processor';
    await this.#redis.hset(this.#keys.processing(processId), tag, 'entry');
    const entry = new EnvelopeWriter(STATION, 'x', epoch, 'ocpp1.6');
    const read = readRequest(entry.write({ frame, text, receivedAt: Date.now(), sequence }));
    assert.ok(read.ok);
    const claimed = { tag, generation: 0, raw: 'entry' };
    const handled = [
      {
        claimed,
        request: read.request,
        outcome: { writes: [], events: [], ...(refused && { holdsCalls: true as const }) },
      },
    ];
    const { args } = prepareAcknowledgement(this.#keys, handled);
    for (let i = 0; i < 2; i++) await acknowledge(this.#redis, this.#keys, processId, args);
  }

  async #timeIsUp(id: string): Promise<void> {
    await this.#redis.zadd(this.#keys.callDeadlines, 'XX', 0, id);
    await endCallsInTime(this.#redis, this.#keys);
  }

  async #reclaim(index: number): Promise<void> {
    const proxy = this.#proxies.get(index);
    if (proxy === undefined) return;
    await closeProxy(this.#redis, this.#keys, proxy.pid, true);
    for (const [epoch, holder] of this.#open) if (holder === proxy) this.#open.delete(epoch);
    this.#proxies.delete(index);
  }

  async #check(): Promise<void> {
    const [slot, held] = await this.#redis.hmget(this.#keys.session(STATION), 'call', 'held');
    assert.ok(slot === null || held === null, 'a call left while calls are held');
    const busy: string[] = [];
    for (const id of this.#made) {
      const [state, reason] = await this.#redis.hmget(this.#keys.call(id), 'state', 'reason');
      assert.ok(state, `${id} has no record`);
      assert.ok((this.#written.get(id) ?? 0) <= 1, `${id} was written twice`);
      if (state === 'not-sent') assert.equal(this.#written.get(id) ?? 0, 0, `${id} not sent, but written`);
      if (state === 'answered') assert.ok(this.#replied.has(id), `${id} answered without a reply`);
      if (state === 'routed' || state === 'sent') busy.push(id);
      const end = OVER.has(state) ? `${state} ${reason}`.trim() : undefined;
      const before = this.#ends.get(id);
      assert.ok(before === undefined || before === end, `${id} was ${before}, is ${end}`);
      if (end !== undefined) this.#ends.set(id, end);
    }
    assert.deepEqual(
      busy,
      slot === null || slot === undefined ? [] : [slot],
      'the one that is open has the slot',
    );
  }
}

function idOf(call: number): string {
  return `call-${call}`;
}
