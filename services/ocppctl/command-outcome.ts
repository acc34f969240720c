/**
 * Sends a command to a station and waits for its end. The request itself waits for a second only, so that an API that is out of
 * reach is noticed at once; then the state is asked for. ocppctl makes the idempotency key, so that the outcome can still be found
 * after a lost response.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathOf } from './api-client.ts';
import type { Run } from './command.ts';
import { EXIT, ExitError, failure } from './exit.ts';
import { writeJson } from './output.ts';
import { ApiError } from './problem.ts';
import { details, printable, safeJson } from './table.ts';

export interface CommandView {
  readonly id: string;
  readonly station: string;
  readonly action?: string;
  readonly state: 'queued' | 'sent' | 'answered' | 'not-sent' | 'uncertain';
  readonly reason?: string;
  readonly answer?:
    | { readonly kind: 'result'; readonly payload: Readonly<Record<string, unknown>> }
    | { readonly kind: 'error'; readonly code: string; readonly description?: string };
}

const DEFAULT_WAIT = 30;
const FIRST_WAIT = 1;
const POLL_MS = 500;

/** Statuses in answers of OCPP 1.6, 2.0.1 and 2.1 that are no refusal. */
const ACCEPTING: ReadonlySet<unknown> = new Set([
  'Accepted',
  'AcceptedCanceled',
  'RebootRequired',
  'Scheduled',
  'Unlocked',
  'Success',
]);

/** Of the options, for the body of a request. */
export function bodyOptions({ options }: Run): Readonly<Record<string, unknown>> {
  const given = {
    protocol: options.text('protocol'),
    priority: options.number('priority'),
    timeToLive: options.number('ttl'),
    timeout: options.number('timeout'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** @param kind last part of the path: `commands`, or a short form such as `reset` */
export async function sendCommand(run: Run, station: string, kind: string, body: object): Promise<void> {
  const { api, options, terminal } = run;
  const id = options.text('key') ?? randomUUID();
  const wait = options.number('wait') ?? DEFAULT_WAIT;
  const all = { ...bodyOptions(run), ...body, wait: Math.min(wait, FIRST_WAIT) };
  const deadline = terminal.now() + wait * 1000;
  try {
    let view = await api.send<CommandView>('POST', pathOf('stations', station, kind), all, { key: id });
    // One that may wait for its station is not waited for here.
    const isLeft = () => options.flag('queue') && view.state === 'queued';
    while (isOpen(view) && !isLeft() && terminal.now() < deadline) {
      await sleep(POLL_MS, undefined, { signal: terminal.stopped });
      view = await api.get<CommandView>(pathOf('stations', station, 'commands', id));
    }
    reportCommand(run, view, wait === 0 || isLeft());
  } catch (error) {
    throw explained(run, error, station, id);
  }
}

const isOpen = ({ state }: CommandView) => state === 'queued' || state === 'sent';

function explained({ isJson, terminal }: Run, error: unknown, station: string, id: string): unknown {
  if (error instanceof ApiError && isJson && error.problem.command !== undefined)
    writeJson({ terminal }, error.problem.command);
  const isLost = error instanceof ExitError && error.status === EXIT.away && !(error instanceof ApiError);
  const isStopped = terminal.stopped.aborted;
  if (isStopped) terminal.note(`the command goes on: ocppctl command ${station} ${id} shows or cancels it`);
  if (!isLost || isStopped) return error;
  const next = `If the API got it, the command is done: repeat it with --key ${id}, which sends nothing twice`;
  return new ExitError(EXIT.away, `${error.message}. ${next}`);
}

/**
 * Writes the outcome. @param mayBeOpen whether one that has not ended is a success
 * @throws ExitError for a refusal, or an end without an answer
 */
export function reportCommand(run: Run, view: CommandView, mayBeOpen: boolean): void {
  const { station, id, state, answer } = view;
  if (run.isJson) writeJson(run, view);
  const repeat = `ocppctl command ${station} ${id}`;
  if (isOpen(view)) {
    if (!mayBeOpen)
      throw failure(
        `${printable(station)} has not answered yet, the command is ${state}: ${repeat} shows it`,
      );
    if (!run.isJson) run.terminal.write(printable(`${state}; ${repeat} shows it`));
    return;
  }
  const problem = problemOf(view);
  if (answer?.kind === 'result' && !run.isJson) {
    const lines = details(answer.payload);
    for (const line of lines.length > 0 ? lines : ['answered']) run.terminal.write(line);
  }
  if (problem !== undefined) throw failure(`${printable(station)} ${problem}`);
}

/** Why a command that has ended is no success, after the name of the station; undefined for a success. */
export function problemOf({ state, reason, answer }: CommandView): string | undefined {
  if (state === 'not-sent')
    return `was not reached, the command was not sent (${printable(reason ?? 'unknown reason')})`;
  if (state === 'uncertain')
    return `may have acted or not (${printable(reason ?? 'unknown reason')}): check its state before you repeat the command`;
  if (answer?.kind === 'error')
    return `answered with the error ${printable(answer.code)}: ${printable(answer.description ?? '')}`.replace(
      /: $/,
      '',
    );
  const status = answer?.payload['status'];
  return status === undefined || ACCEPTING.has(status)
    ? undefined
    : `did not accept it: its answer has the status ${safeJson(status)}`;
}
