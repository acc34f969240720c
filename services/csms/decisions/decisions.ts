/**
 * Decisions by a function outside: asked within a time box, so many at once, with the answer checked, cached and remembered. Whatever
 * fails, the station gets the fallback of the action, and its message takes effect.
 */
import { utc } from '../../ocpp/time.ts';
import type { Clock } from '../../runtime/clock.ts';
import { errorFields, type Log } from '../../runtime/log.ts';
import { QuietLog } from '../../runtime/quiet-log.ts';
import { type WebhookFailure, WebhookError } from '../../runtime/webhook.ts';
import { digest } from '../facts.ts';
import { AnswerCache } from './answer-cache.ts';
import { fixedAnswer, type ReadAnswer, readAnswer } from './answer-shapes.ts';
import type {
  AnswerOf,
  Asked,
  Decided,
  DecisionAction,
  DecisionContext,
  DecisionProvider,
  Fallback,
  Question,
} from './decision-provider.ts';
import { foldedToken, lastKnown, lastKnownField, rememberAnswer } from './last-known.ts';

/** Read for each decision, as they may change. */
export interface DecisionSettings {
  /** The actions that are decided, each with its fallback. */
  readonly actions: Readonly<Partial<Record<DecisionAction, Fallback>>>;
  /** For a whole decision; ms. */
  readonly timeoutMs: number;
}

export interface DecisionOptions {
  /**
   * Resolves to the answer as JSON; to undefined or `{}` for the proposed one. Each rejection is a failure. `timeoutMs` is what is left
   * for it: a later result is ignored.
   */
  readonly ask: (question: Question, timeoutMs: number) => Promise<unknown>;
  readonly settings: DecisionSettings;
  /** Decisions that are open at once; a further one gets its fallback. */
  readonly mostOpen: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: DecisionObserver;
}

/** `failed`: an error that is none of a webhook. */
export type DecisionResult = 'answered' | 'cached' | `fallback-${WebhookFailure | 'failed'}`;

export interface DecisionObserver {
  /** @param seconds absent where nothing was asked */
  decided(action: DecisionAction, result: DecisionResult, seconds?: number): void;
}

/** Answers in the memory of a process, some 300 bytes each. */
const MOST_CACHED = 20_000;

/** Without an answer the decider took the proposed one: what the lists say may change meanwhile. */
interface CachedAnswer {
  readonly answer: AnswerOf[DecisionAction] | undefined;
}

type Known<A extends DecisionAction> = Pick<Decided<A>, 'answer' | 'writes'>;

export function createDecisions(options: DecisionOptions): DecisionProvider {
  return new Decisions(options);
}

class Decisions implements DecisionProvider {
  readonly #options: DecisionOptions;
  readonly #log: QuietLog;
  readonly #cache: AnswerCache<CachedAnswer>;
  #open = 0;

  constructor(options: DecisionOptions) {
    this.#options = options;
    this.#log = new QuietLog(options.log, options.clock);
    this.#cache = new AnswerCache(MOST_CACHED, options.clock);
  }

  asks(action: DecisionAction): boolean {
    return this.#options.settings.actions[action] !== undefined;
  }

  async decide<A extends DecisionAction>(asked: Asked<A>, context: DecisionContext): Promise<Decided<A>> {
    const { settings, clock } = this.#options;
    const fallback = settings.actions[asked.action];
    if (fallback === undefined) return { answer: asked.proposed, writes: [], tookMs: 0 };
    const began = clock.now();
    const { answer, writes } = await this.#decide(asked, fallback, context);
    return { answer, writes, tookMs: Math.max(0, clock.now() - began) };
  }

  async #decide<A extends DecisionAction>(
    asked: Asked<A>,
    fallback: Fallback,
    context: DecisionContext,
  ): Promise<Known<A>> {
    const { observer } = this.#options;
    const { action, proposed } = asked;
    const cacheKey = cacheKeyOf(asked, context.stationId);
    const cached = cacheKey === undefined ? undefined : this.#cache.get(cacheKey);
    if (cached !== undefined) {
      observer?.decided(action, 'cached');
      // Of the same action, as the key says.
      return { answer: (cached.answer as AnswerOf[A] | undefined) ?? proposed, writes: [] };
    }
    const began = performance.now();
    const secondsSince = () => (performance.now() - began) / 1000;
    let read: ReadAnswer<A>;
    try {
      read = await this.#answerTo(asked, context);
      observer?.decided(action, 'answered', secondsSince());
    } catch (error) {
      const reason = error instanceof WebhookError ? error.reason : 'failed';
      const nothingSent = reason === 'busy' || reason === 'open';
      observer?.decided(action, `fallback-${reason}`, nothingSent ? undefined : secondsSince());
      this.#report(error, reason, action, fallback, context);
      return { answer: await fallBack(asked, fallback, context), writes: [] };
    }
    const answer = read.answer ?? proposed;
    if (cacheKey !== undefined) this.#cache.set(cacheKey, { answer: read.answer }, read.cacheSeconds);
    const writes = fallback === 'LastKnown' ? await remember(asked, read.answer, context) : [];
    return { answer, writes };
  }

  async #answerTo<A extends DecisionAction>(
    asked: Asked<A>,
    context: DecisionContext,
  ): Promise<ReadAnswer<A>> {
    const read = readAnswer(asked.action, context.protocol, await this.#ask(questionOf(asked, context)));
    if (typeof read === 'string') throw new WebhookError('bad-answer', `the answer is not used: ${read}`);
    return read;
  }

  async #ask(question: Question): Promise<unknown> {
    const { ask, mostOpen, settings } = this.#options;
    const { timeoutMs } = settings;
    if (this.#open >= mostOpen)
      throw new WebhookError('busy', `${mostOpen} decisions are open, so this one is not asked for`);
    this.#open += 1;
    try {
      return await within(timeoutMs, ask(question, timeoutMs));
    } finally {
      this.#open -= 1;
    }
  }

  /** One line for each kind of failure, not for each station. */
  #report(
    error: unknown,
    reason: string,
    action: DecisionAction,
    fallback: Fallback,
    { stationId }: DecisionContext,
  ): void {
    const fields = { stationId, action, reason, fallback, ...errorFields(error) };
    this.#log.warn(
      `${action} ${reason}`,
      fields,
      'no decision of the webhook: the station gets the fallback',
    );
  }
}

async function fallBack<A extends DecisionAction>(
  asked: Asked<A>,
  fallback: Fallback,
  context: DecisionContext,
): Promise<AnswerOf[A]> {
  const { action, proposed } = asked;
  if (fallback === 'Own') return proposed;
  if (fallback !== 'LastKnown') return fixedAnswer(action, fallback === 'Accept', proposed);
  const field = lastKnownField(asked, context.stationId);
  return (field === undefined ? undefined : await lastKnown(action, field, context)) ?? proposed;
}

async function remember<A extends DecisionAction>(
  asked: Asked<A>,
  answer: AnswerOf[A] | undefined,
  { stationId, state, now }: DecisionContext,
): Promise<Known<A>['writes']> {
  const field = lastKnownField(asked, stationId);
  if (field === undefined) return [];
  const time = now.getTime();
  return rememberAnswer(field, answer, time, await state.decisionsToForget(time));
}

function questionOf(
  { action, request, proposed, fact }: Asked<DecisionAction>,
  { stationId, protocol, epoch, receivedAt }: DecisionContext,
): Question {
  // A connection has one open CALL, so its time of receipt names it.
  const id = `dec_${digest(fact === undefined ? [action, stationId, epoch, receivedAt, request] : [action, fact])}`;
  return { id, action, stationId, protocol, time: utc(receivedAt), request, proposed };
}

/** By station, as a decider may judge by the place. */
function cacheKeyOf({ action, token }: Asked<DecisionAction>, stationId: string): string | undefined {
  if (action === 'DataTransfer') return undefined;
  return JSON.stringify([action, stationId, token && foldedToken(token)]);
}

/** Settles as `work` does, unless it takes too long. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new WebhookError('timeout', `no answer within ${ms / 1000} s`);
    timer = setTimeout(() => reject(error), ms).unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
