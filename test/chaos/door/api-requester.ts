/** Commands through the HTTP API: what it answers, as the outcome that the data path would have given. */
import { setTimeout as wait } from 'node:timers/promises';
import type { CallOutcome } from '../../../services/transport/station-call.ts';
import type { CommandPlan } from '../plan.ts';

const POLL_MS = 200;
/** For a whole exchange: longer than the API waits for a command. */
const TIMEOUT_MS = 20_000;
const WAIT_SECONDS = 5;

interface CommandView {
  readonly state: string;
  readonly reason?: string;
  readonly answer?: { readonly payload?: object };
}

/** Asks one of several processes of the API, each time another one. */
export class ApiRequester {
  readonly #urls: readonly string[];
  readonly #token: string;
  #turn = 0;

  constructor(urls: readonly string[], token: string) {
    this.#urls = urls;
    this.#token = token;
  }

  /** @throws Error while the outcome cannot be known: the same call again asks for it, and sends nothing twice */
  async call({ stationId, key, queueable, ttlMs, timeoutMs }: CommandPlan): Promise<CallOutcome> {
    const path = `/v1/stations/${stationId}/commands`;
    const body = {
      action: 'DataTransfer',
      payload: { vendorId: 'chaos', data: key },
      queueable,
      timeToLive: Math.ceil(ttlMs / 1000),
      timeout: Math.ceil(timeoutMs / 1000),
      wait: WAIT_SECONDS,
    };
    for (let view = await this.#ask('POST', path, key, body); ; view = await this.#look(path, key)) {
      const outcome = outcomeOf(view);
      if (outcome !== undefined) return outcome;
    }
  }

  async #look(path: string, key: string): Promise<CommandView> {
    await wait(POLL_MS);
    return this.#ask('GET', `${path}/${key}`, key);
  }

  async #ask(method: string, path: string, key: string, body?: object): Promise<CommandView> {
    const url = this.#urls[this.#turn++ % this.#urls.length] ?? '';
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        'idempotency-key': key,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = (await response.json()) as { readonly command?: CommandView };
    if (response.ok) return answer as unknown as CommandView;
    if (answer.command === undefined) throw new Error(`${response.status}: ${JSON.stringify(answer)}`);
    return answer.command;
  }
}

/** undefined for a command that has not ended. */
function outcomeOf({ state, reason, answer }: CommandView): CallOutcome | undefined {
  if (state === 'answered')
    return { kind: 'answered', answer: { kind: 'result', payload: answer?.payload ?? {} } };
  if (state !== 'not-sent' && state !== 'uncertain') return undefined;
  return { kind: state, reason } as CallOutcome;
}
