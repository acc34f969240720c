/** What an answer that is no success means for the caller: a sentence with the next step, and the exit status. Pure. */
import { EXIT, ExitError } from './exit.ts';
import { printable } from './table.ts';

/** application/problem+json of the API. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  /** The command, where its outcome is the problem. */
  readonly command?: object;
}

export class ApiError extends ExitError {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(exitOf(problem.status), sentenceOf(problem));
    this.problem = problem;
  }
}

const AWAY: ReadonlySet<number> = new Set([401, 502, 503, 504]);
const exitOf = (status: number) => (AWAY.has(status) ? EXIT.away : EXIT.failed);

/** What to do next, by code. */
const NEXT: Readonly<Record<string, string>> = {
  unauthorized: 'Log in again with ocppctl login, or give a token with --token-file or OCPPCTL_TOKEN',
  forbidden: 'Use a token with that scope: ocppctl help new-token',
  'store-unavailable': 'Redis is out of reach: repeat it in a moment; ocppctl status says more',
  'no-such-station': 'ocppctl stations lists those that ever connected',
  'station-offline':
    'Repeat it when the station is connected, or let it wait with --queue where that makes sense',
  'queue-full': 'Wait until the station has answered earlier commands, or cancel some',
  'command-expired': 'Give it more time with --ttl',
  'command-cancelled': 'Send it again under another key if it is still wanted',
  'command-uncertain':
    'Check the state of the station before you send it again; it is not repeated by itself',
  'key-conflict': 'The key names another command: use another --key',
  'token-charging': 'Stop the transaction with ocppctl stop, then repeat it',
  'too-many-requests': 'Wait a moment, or end what is open',
  'events-lost': 'Leave out --after, or give a newer cursor',
  'rate-limited': 'Wait a moment, and send fewer requests at once',
  'bad-call': 'Correct the payload; the schema is that of the OCPP version of the station',
};

export function sentenceOf({ status, code, title, detail, errors = [] }: Problem): string {
  const what = [title ?? `the API answered ${status}`, detail].filter(
    (one) => one !== undefined && one !== '',
  );
  const where = errors.map(({ path, message }) => `${path} ${message}`);
  const next = NEXT[code];
  return [what.join(': '), ...where, ...(next === undefined ? [] : [next])]
    .map((one) => printable(one).replace(/[.;]+$/, ''))
    .join('; ');
}

/** @param body of the answer */
export function readProblem(status: number, body: string): Problem | undefined {
  try {
    const problem = JSON.parse(body) as Partial<Problem> | null;
    return typeof problem?.code === 'string' ? { ...problem, status, code: problem.code } : undefined;
  } catch {
    return undefined;
  }
}
