/**
 * The connection of one station: a queue of CALLs of which one is open, answered in order, over sockets
 * that come and go. What is open when a socket ends is sent again first on the next one: 2.x under the
 * same message id, 1.6 under a new one, both with the same payload.
 */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import {
  type Call,
  type CallError,
  type CallResult,
  formatFrame,
  MessageType,
  parseFrame,
} from '../../services/ocpp/frame.ts';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { validateResponse } from '../../services/ocpp/schema.ts';
import { answerCommand } from './commands.ts';
import type { Ledger } from './ledger.ts';
import type { Message } from './messages.ts';

export interface LinkOptions {
  readonly url: string;
  readonly identity: string;
  readonly protocol: Protocol;
  readonly credentials?: Credentials;
  readonly random: () => number;
  /** How long an answer may take; ms. */
  readonly callTimeoutMs: number;
  /** Factor on the pauses before reconnecting; 1 is what firmware does. */
  readonly reconnectScale: number;
  /** Called with each command that was answered with a result. */
  readonly onCommand?: (call: Call) => void;
}

/** What a station proves its identity with, as options of its WebSocket. */
export interface Credentials {
  /** `identity:password` */
  readonly auth?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A CALL that was never answered in so many tries on living connections is lost. */
const MAX_TIMEOUTS = 3;
/** Message ids of a connection that are remembered, to tell a doubled answer from a wrong one. */
const REMEMBERED = 64;
/** 2.x: RetryBackOffWaitMinimum, RetryBackOffRandomRange (ms) and RetryBackOffRepeatTimes. */
const BACK_OFF = { minimum: 1000, range: 2000, repeat: 4 };
/** What firmware of 1.6 does, which has no rule for it; ms. */
const RETRY_1_6 = { minimum: 1000, range: 9000 };

interface Queued {
  readonly message: Message;
  id: string;
  payload: object | undefined;
  writes: number;
  timeouts: number;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #ledger: Ledger;
  readonly #queue: Queued[] = [];
  /** Ids written on this connection: how often each was written and answered. */
  #written = new Map<string, { writes: number; answers: number }>();
  #socket: WebSocket | undefined;
  #open: { readonly queued: Queued; readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #failures = 0;
  #connects = 0;
  #isOpened = false;
  #ended = false;

  constructor(options: LinkOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
  }

  get online(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }
  /** Times that it has connected. */
  get connects(): number {
    return this.#connects;
  }
  /** CALLs that are not answered yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Queues a CALL behind those that wait. */
  call(message: Message): void {
    this.#queue.push({ message, id: '', payload: undefined, writes: 0, timeouts: 0 });
    this.#pump();
  }

  connect(): void {
    const { url, identity, protocol } = this.#options;
    const target = `${url}/${encodeURIComponent(identity)}`;
    const socket = new WebSocket(target, protocol, {
      perMessageDeflate: false,
      handshakeTimeout: 20_000,
      ...this.#options.credentials,
    });
    this.#socket = socket;
    socket.on('open', () => this.#opened());
    socket.on('message', (data) => this.#received((data as Buffer).toString()));
    socket.on('unexpected-response', (request, response) => {
      this.#ledger.refusals++;
      // Its close event must not count as the end of a connection.
      this.#socket = undefined;
      request.destroy();
      this.#retry(Number(response.headers['retry-after'] ?? 0) * 1000);
    });
    // The reason stands in the close event, or in the refusal.
    socket.on('error', () => {});
    socket.on('close', (code) => this.#closed(socket, code));
  }

  /** Ends for good. What was written and never answered is lost. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#reconnect);
    clearTimeout(this.#open?.timer);
    for (const { message, writes } of this.#queue) {
      if (writes === 0) this.#ledger.unsent++;
      else this.#ledger.defect('lost', this.#options.identity, `${message.action} was never answered`);
    }
    if (this.online) this.#socket?.close(1000);
    else this.#socket?.terminate();
  }

  /** Cuts the TCP connection, as a station that loses its mobile network. */
  cut(): void {
    this.#socket?.terminate();
  }

  #opened(): void {
    this.#failures = 0;
    this.#isOpened = true;
    this.#ledger.connects++;
    if (this.#connects++ > 0) this.#ledger.reconnects++;
    this.#ledger.moves.returned(this.#options.identity, performance.now());
    this.#written = new Map();
    this.#pump();
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    const wasOpen = this.#isOpened;
    this.#isOpened = false;
    this.#socket = undefined;
    clearTimeout(this.#open?.timer);
    this.#open = undefined;
    if (this.#ended) return;
    if (code === 1012) this.#ledger.closes1012++;
    // Without an opened connection there was none to end: a refused TCP connection also closes.
    if (wasOpen) this.#ledger.moves.closed(this.#options.identity, code, performance.now());
    this.#retry(0);
  }

  #retry(leastMs: number): void {
    if (this.#ended) return;
    const { protocol, random, reconnectScale } = this.#options;
    const { minimum, range } = protocol === 'ocpp1.6' ? RETRY_1_6 : BACK_OFF;
    const factor = protocol === 'ocpp1.6' ? 1 : 2 ** Math.min(this.#failures++, BACK_OFF.repeat);
    const wait = Math.max(leastMs, (minimum * factor + random() * range) * reconnectScale);
    clearTimeout(this.#reconnect);
    this.#reconnect = setTimeout(() => this.connect(), wait);
  }

  #pump(): void {
    const [queued] = this.#queue;
    if (queued === undefined || this.#open !== undefined || this.#ended || !this.online) return;
    const { message } = queued;
    if (queued.writes++ > 0) this.#ledger.resent++;
    queued.payload ??= message.build();
    if (queued.id === '' || this.#options.protocol === 'ocpp1.6') queued.id = randomUUID();
    this.#remember(queued.id);
    const timer = setTimeout(() => this.#timedOut(queued), this.#options.callTimeoutMs);
    this.#open = { queued, at: performance.now(), timer };
    this.#socket?.send(
      formatFrame({ type: MessageType.Call, id: queued.id, action: message.action, payload: queued.payload }),
    );
  }

  #remember(id: string): void {
    const known = this.#written.get(id);
    if (known !== undefined) {
      known.writes++;
      return;
    }
    this.#written.set(id, { writes: 1, answers: 0 });
    if (this.#written.size > REMEMBERED) {
      const [oldest] = this.#written.keys();
      if (oldest !== undefined) this.#written.delete(oldest);
    }
  }

  #timedOut(queued: Queued): void {
    this.#open = undefined;
    this.#ledger.timeouts++;
    if (++queued.timeouts >= MAX_TIMEOUTS) {
      this.#queue.shift();
      const what = `${queued.message.action} timed out ${queued.timeouts} times`;
      this.#ledger.defect('lost', this.#options.identity, what);
    }
    this.#pump();
  }

  #received(text: string): void {
    const { protocol, identity } = this.#options;
    const read = parseFrame(text, protocol);
    if (!read.ok)
      return this.#ledger.defect('wrong', identity, `${read.fault.reason}: ${text.slice(0, 200)}`);
    const { frame } = read;
    switch (frame.type) {
      case MessageType.Call:
        return this.#commanded(frame);
      case MessageType.CallResult:
      case MessageType.CallError:
        return this.#answered(frame);
      default:
    }
  }

  #commanded(call: Call): void {
    const { protocol, onCommand } = this.#options;
    this.#ledger.commands++;
    const answer = answerCommand(call, protocol);
    this.#socket?.send(formatFrame(answer));
    if (answer.type === MessageType.CallResult) onCommand?.(call);
  }

  #answered(frame: CallResult | CallError): void {
    const { identity, protocol } = this.#options;
    const written = this.#written.get(frame.id);
    if (written === undefined) {
      return this.#ledger.defect('wrong', identity, `an answer to ${frame.id}, which was never asked here`);
    }
    if (++written.answers > written.writes) {
      return this.#ledger.defect('duplicated', identity, `answer ${written.answers} to ${frame.id}`);
    }
    const open = this.#open;
    if (open?.queued.id !== frame.id) {
      this.#ledger.late++;
      return;
    }
    clearTimeout(open.timer);
    this.#open = undefined;
    this.#queue.shift();
    this.#ledger.answered(performance.now() - open.at);
    this.#ledger.moves.answered(identity, performance.now());
    const problem = problemOf(frame, open.queued.message, protocol);
    if (problem !== undefined) this.#ledger.defect('wrong', identity, problem);
    this.#pump();
  }
}

function problemOf(frame: CallResult | CallError, message: Message, protocol: Protocol): string | undefined {
  const { action } = message;
  if (frame.type !== MessageType.CallResult) return `${action} got ${frame.code}: ${frame.description}`;
  const fault = validateResponse(protocol, action, frame.payload);
  if (fault !== undefined) return `the answer to ${action}: ${fault.description}`;
  return message.answered?.(frame.payload as Readonly<Record<string, unknown>>);
}
