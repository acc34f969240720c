/**
 * A station over any ClientTransport: a WebSocket, or a Gateway to Redis or memory. It has one open request at a time, as
 * OCPP-J requires (1.6 §4.1.1, 2.x Part 4 §4.1.1); further requests are queued in order.
 */
import { faultAnswer } from '../ocpp/errors.ts';
import { type Frame, formatFrame, MessageType, parseFrame, type Protocol } from '../ocpp/frame.ts';
import { isAnswered, knowsAction, validateRequest } from '../ocpp/schema.ts';
import { TransportError } from '../transport/errors.ts';
import type { ClientState } from '../transport/pending-requests.ts';
import { answerOf } from '../transport/station-call.ts';
import type { ClientTransport } from '../transport/client-transport.ts';
import type { ActionOf, RequestOf, ResponseOf } from '../ocpp/messages.ts';
import { outcomeOf, type RequestOutcome } from './outcome.ts';
import { handlersOf, type StationHandler, type StationProfile } from './profile.ts';
import { answerCall } from './station-answers.ts';

// Part of this interface, and of its export in the package.
export type { RequestOutcome } from './outcome.ts';

/** Requests that may be queued behind the open one. */
const QUEUED_AT_MOST = 1000;
const DEFAULT_TIMEOUT = 30_000;

interface Request {
  readonly messageId: string;
  readonly action: string;
  readonly text: string;
  readonly timeoutMs: number;
  readonly end: (outcome: RequestOutcome) => void;
}

// in out: the compiler compares two clients by version, not message by message.
export class OcppClient<in out P extends Protocol> implements AsyncDisposable {
  readonly transport: ClientTransport;
  readonly protocol: P;
  /** The open request. */
  readonly state: ClientState;
  readonly #handlers: Readonly<Record<string, StationHandler>>;
  readonly #errors: ((error: Error) => void)[] = [];
  readonly #waiting: Request[] = [];
  #open: Request | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    transport: ClientTransport,
    protocol: P,
    state: ClientState,
    profiles: readonly StationProfile[],
  ) {
    this.transport = transport;
    this.protocol = protocol;
    this.state = state;
    this.#handlers = handlersOf(profiles)[protocol];
    transport.onMessage((text) => void this.#receive(text).catch((error: Error) => this.#report(error)));
    transport.onDisconnection(() => this.#finish({ kind: 'uncertain', reason: 'disconnected' }));
    transport.onError((error) => this.#report(error));
  }

  start(): Promise<void> {
    return this.transport.start();
  }

  /** Ends the open request as uncertain, and queued ones as not sent. */
  async stop(): Promise<void> {
    for (const { end } of this.#waiting.splice(0)) end({ kind: 'not-sent', reason: 'cancelled' });
    await this.transport.stop();
    this.#finish({ kind: 'uncertain', reason: 'disconnected' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Errors that concern no request: of the link, of handlers, of the state. */
  onError(listener: (error: Error) => void): void {
    this.#errors.push(listener);
  }

  /**
   * Sends a request to the central system. Nothing is sent twice; offline, it ends as not sent immediately.
   * @param timeoutMs how long the response may take; ms
   * Rejects with `bad-call` if the version does not know the action or its schema refuses the payload, and with
   * `too-many-calls` if a thousand are queued.
   */
  async sendRequest<A extends ActionOf<P>>(
    action: A,
    payload: RequestOf<P, A>,
    timeoutMs: number = DEFAULT_TIMEOUT,
  ): Promise<RequestOutcome<ResponseOf<P, A>>> {
    this.#check(action, payload, MessageType.Call);
    this.#room(action);
    const messageId = crypto.randomUUID();
    const text = formatFrame({ type: MessageType.Call, id: messageId, action, payload });
    const { promise, resolve: end } = Promise.withResolvers<RequestOutcome>();
    this.#waiting.push({ messageId, action, text, timeoutMs, end });
    this.#next();
    // The schema proves it (outcomeOf).
    return (await promise) as RequestOutcome<ResponseOf<P, A>>;
  }

  /** Sends a SEND of OCPP 2.1, which gets no response. Rejects with `bad-call` or `not-connected`. */
  async send<A extends ActionOf<P>>(action: A, payload: RequestOf<P, A>): Promise<void> {
    this.#check(action, payload, MessageType.Send);
    await this.#write({ type: MessageType.Send, id: crypto.randomUUID(), action, payload });
  }

  #check(action: string, payload: unknown, type: typeof MessageType.Call | typeof MessageType.Send): void {
    const fault = knowsAction(this.protocol, action)
      ? validateRequest(this.protocol, action, payload)?.description
      : `${this.protocol} has no such action`;
    if (fault !== undefined) throw new TransportError('bad-call', `${action}: ${fault}`);
    const answered = isAnswered(this.protocol, action);
    if (answered === (type === MessageType.Call)) return;
    throw new TransportError('bad-call', `${action} is ${answered ? 'a CALL' : 'a SEND, use send()'}`);
  }

  #room(action: string): void {
    if (this.#waiting.length < QUEUED_AT_MOST) return;
    throw new TransportError('too-many-calls', `${action}: ${QUEUED_AT_MOST} requests are already queued`);
  }

  #next(): void {
    if (this.#open !== undefined) return;
    const request = (this.#open = this.#waiting.shift());
    if (request === undefined) return;
    this.#send(request).catch(() => {
      if (this.#open === request) this.#finish({ kind: 'not-sent', reason: 'offline' });
    });
  }

  async #send(request: Request): Promise<void> {
    const { messageId, action, text, timeoutMs } = request;
    const timedOut = () => this.#finish({ kind: 'uncertain', reason: 'timeout' });
    this.#timer = setTimeout(timedOut, timeoutMs);
    await this.state.addPendingRequest(messageId, action, timeoutMs);
    if (this.#open === request) await this.transport.write(text);
  }

  #finish(outcome: RequestOutcome): void {
    const request = this.#open;
    if (request === undefined) return;
    clearTimeout(this.#timer);
    this.#open = undefined;
    this.state.completePendingRequest(request.messageId).catch((error: Error) => this.#report(error));
    request.end(outcome);
    this.#next();
  }

  async #receive(text: string): Promise<void> {
    const result = parseFrame(text, this.protocol);
    if (!result.ok) {
      const answer = faultAnswer(this.protocol, result.fault);
      if (answer !== undefined) await this.#write(answer);
      return;
    }
    const { frame } = result;
    if (frame.type === MessageType.Call) {
      const report = (error: Error) => this.#report(error);
      return this.#write(await answerCall(this.protocol, this.#handlers, frame, report));
    }
    const answer = answerOf(frame);
    if (answer === undefined || frame.id !== this.#open?.messageId) return;
    this.#finish(outcomeOf(this.protocol, this.#open.action, answer));
  }

  #write(frame: Frame): Promise<void> {
    return this.transport.write(formatFrame(frame));
  }

  #report(error: Error): void {
    for (const listener of this.#errors) listener(error);
  }
}

export function newClientWithTransport<P extends Protocol>(
  transport: ClientTransport,
  protocol: P,
  state: ClientState,
  ...profiles: readonly StationProfile[]
): OcppClient<P> {
  return new OcppClient<P>(transport, protocol, state, profiles);
}
