/**
 * A central system (CSMS) over any Transport: Redis with its proxies, plain WebSockets, or memory. Messages of stations are
 * dispatched to the handlers of its profiles. Every request to a station ends in exactly one typed outcome.
 */
import type { Protocol } from '../ocpp/frame.ts';
import { type Command, createCommands } from '../csms/commands/commands.ts';
import { factsOf } from '../csms/commands/station-facts.ts';
import { passwordStore } from '../csms/credentials/password-change.ts';
import { DEFAULT_SETTINGS, type HandlerSettings, type HandlerTable } from '../csms/handler.ts';
import { createProcessor, type Processor, type ProcessorOptions } from '../csms/processor.ts';
import { createDecisions, type DecisionOptions, type DecisionSettings } from '../csms/decisions/decisions.ts';
import type { Providers } from '../csms/credentials/providers.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { createLog, errorFields, type Log } from '../runtime/log.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import { TransportError, type TransportErrorCode } from '../transport/errors.ts';
import type { ServerState } from '../transport/pending-requests.ts';
import { prepareCall } from '../transport/prepared-call.ts';
import type { Answer } from '../transport/outcome.ts';
import type { CallOutcome, StationCall } from '../transport/station-call.ts';
import type { Transport } from '../transport/transport.ts';
import type { ActionOf, RequestOf, ResponseOf } from '../ocpp/messages.ts';
import { outcomeOf, type RequestOutcome } from './outcome.ts';
import { handlerTable, type ServerProfile } from './profile.ts';

// Part of this interface, and of its export in the package.
export type { RequestOutcome } from './outcome.ts';

/** Turns the deliveries of a transport into outcomes, with the handlers of the server's profiles. */
export interface Dispatcher {
  serve(transport: Transport, handlers: HandlerTable): Processor;
  readonly log: Log;
  /** See DispatcherOptions. */
  readonly passwordKey?: string;
}

export interface DispatcherOptions extends Partial<
  Omit<ProcessorOptions, 'transport' | 'handlers' | 'settings'>
> {
  readonly settings?: Partial<HandlerSettings>;
  /** Decides about tokens, boots and DataTransfer, instead of the lists in the store. */
  readonly decisions?: ServerDecisions;
  /** The key of the stored passwords; with it, requests that set the password of a station store its hash in the register. */
  readonly passwordKey?: string;
}

/** Decisions by a function, with the checks and fallbacks of docs/decision-webhook.md. */
export interface ServerDecisions {
  /** Resolves to an answer as docs/decision-webhook.md has it; to undefined or `{}` for the proposed one. */
  readonly ask: DecisionOptions['ask'];
  /** What it decides, each with what stations get while it fails. */
  readonly actions: DecisionSettings['actions'];
  /** For a decision, after which the fallback counts; ms. Default: 2000. */
  readonly timeoutMs?: number;
  /** Decisions that are open at once; a further one gets its fallback. Default: 64. */
  readonly mostOpen?: number;
}

/** The dispatcher of the processor program: schemas, registration, repair of billing data, a time bound for handlers. */
export function newDispatcher(options: DispatcherOptions = {}): Dispatcher {
  const { clock = systemClock, log = createLog('ocpp-server', 'info') } = options;
  // Getters stay getters: a spread would read them once.
  const own = Object.getOwnPropertyDescriptors(options.settings ?? {});
  const settings: HandlerSettings = Object.defineProperties({ ...DEFAULT_SETTINGS }, own);
  const providers = { ...options.providers, ...decisionsOf(options.decisions, clock, log) };
  return {
    log,
    ...(options.passwordKey !== undefined && { passwordKey: options.passwordKey }),
    serve: (transport, handlers) =>
      createProcessor({ ...options, providers, transport, handlers, settings, clock, log }),
  };
}

function decisionsOf(of: ServerDecisions | undefined, clock: Clock, log: Log): Providers {
  if (of === undefined) return {};
  const { ask, actions, timeoutMs = 2000, mostOpen = 64 } = of;
  return { decisions: createDecisions({ ask, settings: { actions, timeoutMs }, mostOpen, clock, log }) };
}

/** How a request is sent (see StationCall), and the version of the station if its connection does not tell. */
export type RequestOptions<P extends Protocol = Protocol> = Omit<
  StationCall,
  'stationId' | 'action' | 'payload'
> & { readonly protocol?: P };

export interface OcppServer extends Processor {
  readonly transport: Transport;
  /** Requests between sendRequest() and their outcome. */
  readonly state: ServerState;
  /**
   * Sends a request to a station. Rejects as StationCalls.make does, with `bad-call` also if the version does not know the
   * action or its schema refuses the payload, and with `store-unavailable` if the state is unavailable: nothing was sent.
   */
  sendRequest<A extends ActionOf<P>, P extends Protocol = Protocol>(
    stationId: string,
    action: A,
    payload: RequestOf<P, A>,
    options?: RequestOptions<P>,
  ): Promise<RequestOutcome<ResponseOf<P, A>>>;
}

export function newServerWithTransport(
  transport: Transport,
  dispatcher: Dispatcher,
  state: ServerState,
  ...profiles: readonly ServerProfile[]
): OcppServer {
  const processor = dispatcher.serve(transport, handlerTable(...profiles));
  const request = createRequests(transport, state, dispatcher);
  return {
    ...processor,
    transport,
    state,
    sendRequest: async (stationId, action, payload, options = {}) => {
      const { protocol = (await factsOf(transport, stationId)).protocol, ...rest } = options;
      const call = { ...rest, stationId, action, payload };
      const outcome = await request(protocol === undefined ? call : { ...call, protocol });
      // A malformed answer is one too.
      // A station of unknown version never gets a call, and the schema has proved the type.
      const read = (answer: Answer) =>
        outcomeOf(protocol as Protocol, action, answer) as RequestOutcome<never>;
      if (outcome.kind === 'answered') return read(outcome.answer);
      const answer = outcome.kind === 'uncertain' ? outcome.answer : undefined;
      return answer === undefined ? outcome : read(answer);
    },
  };
}

/** The call may still be open, or its outcome be available under the same key. */
const OPEN_STILL: ReadonlySet<TransportErrorCode> = new Set(['call-abandoned', 'store-unavailable']);

/** Sends commands, and records each in the state while it is open. */
function createRequests(transport: Transport, state: ServerState, { log, passwordKey }: Dispatcher) {
  const quiet = new QuietLog(log, systemClock);
  const send = createCommands(transport, {
    ...(passwordKey !== undefined && { passwords: passwordStore(transport.state, passwordKey) }),
    onWarning: (reason, stationId) =>
      quiet.warn(
        'password',
        { stationId, reason },
        'a new password of a station is not stored in the register',
      ),
  });
  return async (command: Command): Promise<CallOutcome> => {
    const { protocol: _protocol, ...wanted } = command;
    const idempotencyKey = wanted.idempotencyKey ?? crypto.randomUUID();
    const { stationId, action, messageId, ttlMs, timeoutMs } = prepareCall({ ...wanted, idempotencyKey });
    const isNew = await state.addPendingRequest(stationId, messageId, action, ttlMs + timeoutMs);
    const complete = () =>
      state.completePendingRequest(stationId, messageId).catch((error: unknown) => {
        // The entry expires by itself. The caller gets the outcome in any case.
        quiet.warn(
          'record',
          { stationId, messageId, ...errorFields(error) },
          'a request that ended is still recorded as open',
        );
      });
    try {
      const outcome = await send({ ...command, idempotencyKey });
      await complete();
      return outcome;
    } catch (error) {
      // An entry that existed before belongs to another caller with the same request.
      if (isNew && !(error instanceof TransportError && OPEN_STILL.has(error.code))) await complete();
      throw error;
    }
  };
}
