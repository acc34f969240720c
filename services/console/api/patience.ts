/** A request that is repeated until it succeeds, or until the API refuses it for good. */
import { ApiProblem } from './client.ts';
import { token } from './token.ts';

/** Before the next attempt; ms. */
const RETRY = 3000;

/** An outage ends by itself; a refused access token (401) is replaced by another one. */
const isPassing = ({ status }: ApiProblem): boolean =>
  status === 0 || status >= 500 || [401, 408, 429].includes(status);

export const problemFrom = (error: unknown): ApiProblem =>
  error instanceof ApiProblem ? error : new ApiProblem(0, '', String(error));

/**
 * For requests that change nothing.
 * @param onProblem why the last attempt failed, while another one follows
 * @throws ApiProblem when the API refuses it for good, and when the signal aborts
 */
export async function patiently<T>(
  request: (signal: AbortSignal) => Promise<T>,
  over: AbortSignal,
  onProblem: (problem: ApiProblem) => void = () => undefined,
): Promise<T> {
  for (;;) {
    try {
      return await request(over);
    } catch (error) {
      const problem = problemFrom(error);
      if (over.aborted || !isPassing(problem)) throw problem;
      onProblem(problem);
      await pause(problem.status === 401, over);
      if (over.aborted) throw problem;
    }
  }
}

/** Ends early with another access token. @param isRefused nothing else helps */
function pause(isRefused: boolean, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const refused = token.peek();
    const end = () => {
      clearTimeout(timer);
      unsubscribe();
      over.removeEventListener('abort', end);
      resolve();
    };
    const timer = isRefused ? 0 : setTimeout(() => end(), RETRY);
    let unsubscribe = () => undefined as void;
    over.addEventListener('abort', end);
    unsubscribe = token.subscribe((now) => {
      if (now !== refused && now !== '') end();
    });
  });
}
