/**
 * A command of a request. The response waits for its end for a while; after that the command goes on in the cluster, and its URL
 * shows what becomes of it. The caller gets 202 only when the command is stored, so one that it got is never lost.
 */
import type { Static } from 'typebox';
import type { ClusterClient } from '../client/cluster-client.ts';
import type { Command } from '../csms/commands/commands.ts';
import { sleep } from '../runtime/clock.ts';
import type { CallOutcome, CallState, NotSent } from '../transport/station-call.ts';
import type { Answer as StationAnswer } from '../transport/outcome.ts';
import type { Answer } from './operation.ts';
import { Problem, type ProblemCode, problemOf } from './problems.ts';
import type { Command as CommandSchema } from './schemas/commands.ts';

/** A command as the API shows it. */
export type CommandView = Static<typeof CommandSchema>;

export interface CommandRun {
  readonly command: Command & { readonly idempotencyKey: string };
  /** How long the response waits; ms. */
  readonly waitMs: number;
  /** Aborts when nothing waits for the response any more. */
  readonly over: AbortSignal;
}

type Client = Pick<ClusterClient, 'call' | 'callState' | 'station'>;

/** Between looks whether a command is stored; ms. */
const LOOK = 50;

const NOT_SENT: Readonly<Record<NotSent, ProblemCode>> = {
  offline: 'station-offline',
  expired: 'command-expired',
  'queue-full': 'queue-full',
  cancelled: 'command-cancelled',
};

/** @returns 200 or 202; rejects with a Problem for any other end */
export async function runCommand(client: Client, run: CommandRun): Promise<Answer> {
  const { stationId, action, idempotencyKey: id } = run.command;
  const location = urlOf(stationId, id);
  try {
    const state = await stateAfter(client, run);
    const view = viewOf({ id, station: stationId, action }, state);
    if (!isEnd(state)) return { status: 202, body: view, headers: { location } };
    if (state.kind === 'not-sent' && state.reason === 'offline') await checkStation(client, stationId);
    return endOf(view, state);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code === 'bad-call') await checkStation(client, stationId);
    if (problem.code !== 'store-unavailable') throw problem;
    const detail = `${problem.message}. The command may have been sent: repeat it with the Idempotency-Key ${id}, and nothing is sent twice`;
    throw new Problem(problem.code, detail, { cause: error, headers: { ...problem.headers, location } });
  }
}

/** The end of the command, or its state once it is stored and the wait is over. */
async function stateAfter(client: Client, { command, waitMs, over }: CommandRun): Promise<CallState> {
  const call = client.call(command);
  // It goes on after the response; its state is stored.
  call.catch(() => undefined);
  const early = await within(call, waitMs, over);
  if (early !== undefined) return early;
  for (;;) {
    const state = await client.callState(command.stationId, command.idempotencyKey);
    if (state !== undefined) return state;
    const end = await within(call, LOOK);
    if (end !== undefined) return end;
  }
}

async function within(
  call: Promise<CallOutcome>,
  ms: number,
  over?: AbortSignal,
): Promise<CallOutcome | undefined> {
  const ended = new AbortController();
  const signal = over === undefined ? ended.signal : AbortSignal.any([over, ended.signal]);
  try {
    return await Promise.race([call, sleep(ms, signal).then(() => undefined)]);
  } finally {
    ended.abort();
  }
}

const isEnd = (state: CallState): state is CallOutcome => state.kind !== 'queued' && state.kind !== 'sent';

/** @throws Problem for a command that was not answered */
export function endOf(view: CommandView, { kind, ...rest }: CallOutcome): Answer {
  if (kind === 'answered') return { status: 200, body: view };
  const reason = 'reason' in rest ? rest.reason : '';
  const code = kind === 'uncertain' ? 'command-uncertain' : NOT_SENT[reason as NotSent];
  const detail =
    reason === 'incomplete'
      ? `${view.action ?? 'the command'} to station ${view.station} was sent in parts, and not all of them ended with an answer (${detailOf(rest)})`
      : kind === 'uncertain'
        ? `${view.action ?? 'the command'} to station ${view.station} was sent, and its outcome is unknown (${reason}): it is not sent again`
        : `${view.action ?? 'the command'} to station ${view.station} was not sent (${reason}), and never will be: send it again with another Idempotency-Key`;
  throw new Problem(code, detail, { command: view });
}

const detailOf = (outcome: object): string =>
  'detail' in outcome && typeof outcome.detail === 'string' ? outcome.detail : 'no detail is known';

/** Rejects with `no-such-station` for a station that never connected. */
export async function checkStation(client: Pick<ClusterClient, 'station'>, stationId: string): Promise<void> {
  if ((await client.station(stationId)) !== undefined) return;
  const detail = `station ${stationId} never connected: a command can wait for it with \`protocol\` and \`queueable\``;
  throw new Problem('no-such-station', detail);
}

export function viewOf(
  command: Pick<CommandView, 'id' | 'station' | 'action'>,
  state: CallState,
): CommandView {
  switch (state.kind) {
    case 'answered':
      return { ...command, state: 'answered', answer: answerOf(state.answer) };
    case 'not-sent':
      return { ...command, state: 'not-sent', reason: state.reason };
    case 'uncertain': {
      const { reason, detail } = state;
      return { ...command, state: 'uncertain', reason, ...(detail !== undefined && { detail }) };
    }
    default:
      return { ...command, state: state.kind };
  }
}

type Shape = Readonly<Record<string, unknown>>;

function answerOf(answer: StationAnswer): NonNullable<CommandView['answer']> {
  if (answer.kind === 'result') return { kind: 'result', payload: answer.payload as Shape };
  const { kind, code, description, details } = answer;
  const isObject = typeof details === 'object' && details !== null && !Array.isArray(details);
  return { kind, code, description, ...(isObject && { details: details as Shape }) };
}

const urlOf = (stationId: string, id: string) =>
  `/v1/stations/${encodeURIComponent(stationId)}/commands/${encodeURIComponent(id)}`;
