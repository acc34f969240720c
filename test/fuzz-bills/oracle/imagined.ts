/** A CSMS that does everything right, to test the oracle by: what it answers, and what it bills. */
import { type Draft, isSay, type JsonObject, resolve, write } from '../draft.ts';
import type { Entry, Exchange, Transcript } from '../play.ts';
import type { Reckoning } from './expected.ts';
import { isSameStart, readStart, type SaidStart } from './said-1.6.ts';
import { readId, wattHours } from './values.ts';

/** Every message is answered; a start that is sent again before its stop gets its id again. */
export function imaginedExchanges({ steps }: Draft): Exchange[] {
  const ids = new Map<number, number>();
  const open: { readonly id: number; readonly start: SaidStart }[] = [];
  let last = 1_000_000;
  return steps.filter(isSay).map((say): Exchange => {
    const payload = resolve(say.payload, (session) => ids.get(session)) as JsonObject;
    const text = write([2, 'id', say.action, payload]);
    const response: Record<string, unknown> = {};
    if (say.action === 'StopTransaction') {
      const stopped = open.findIndex(({ id }) => readId(payload['transactionId']) === `${id}`);
      if (stopped >= 0) open.splice(stopped, 1);
    } else if (say.action === 'StartTransaction') {
      const start = readStart(payload);
      const known = open.find((one) => isSameStart(one.start, start));
      const { id } = known ?? { id: ++last };
      ids.set(say.session, id);
      if (known === undefined) open.push({ id, start });
      response['transactionId'] = id;
    }
    return { say, payload, text, at: say.at, answer: 'result', answered: '', response };
  });
}

/**
 * Whether a start is sent again after a stop that names no known transaction. It cannot be said then whether that start
 * is a copy or a new session, so neither id of its transaction is right or wrong.
 */
export function isAmbiguous(exchanges: readonly Exchange[]): boolean {
  const known = new Set<string>();
  const starts: SaidStart[] = [];
  let strange = false;
  for (const { say, payload, response } of exchanges) {
    if (say.action === 'StopTransaction') strange ||= !known.has(`${readId(payload['transactionId'])}`);
    if (say.action !== 'StartTransaction') continue;
    const start = readStart(payload);
    if (strange && starts.some((one) => isSameStart(one, start))) return true;
    starts.push(start);
    known.add(String(response['transactionId']));
  }
  return false;
}

/** The bills and reports that a reckoning asks for. */
export function imaginedTranscript(
  { protocol }: Draft,
  exchanges: readonly Exchange[],
  { bills }: Reckoning,
): Transcript {
  const reports = bills
    .filter(({ report }) => report === 'must')
    .map(({ ids: [transactionId = ''] }) => ({ transactionId }));
  return {
    protocol,
    exchanges,
    reports,
    reportsAtOnce: reports.length,
    events: [],
    bills: bills.map(({ ids: [transactionId = ''], energies: [energy], tag, place }, number): Entry => ({
      transactionId,
      billId: `${number}`,
      kind: 'final',
      ...(energy !== undefined && { energy: wattHours(energy) }),
      ...(tag !== undefined && { idTag: tag }),
      ...(place !== undefined && { connectorId: place }),
    })),
  };
}
