/**
 * Plays recorded messages to a processor, as a ws-proxy does: through a gateway, without sockets. One message at a time in the order of
 * the recording, each after the answer to the one before it, so that two runs differ in the processor only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageType, parseFrame } from '../ocpp/frame.ts';
import { type Gateway, type GatewayConnection, type OutgoingFrame, PROVEN } from '../transport/gateway.ts';
import { TransactionIds } from './comparison.ts';
import type { Step } from './recording.ts';

export interface Played {
  /** Answers with the transaction ids of the recording; undefined: none in time. */
  readonly answers: ReadonlyMap<Step, string | undefined>;
}

interface Link {
  readonly epoch: number;
  readonly connection: GatewayConnection;
  calls: number;
  sends: number;
}

/** @param answerMs how long the processor may take for one message @param signal ends it: then it rejects with its reason */
export async function play(
  gateway: Gateway,
  steps: readonly Step[],
  answerMs: number,
  signal: AbortSignal,
): Promise<Played> {
  const answers = new Map<Step, string | undefined>();
  const ids = new TransactionIds();
  const links = new Map<string, Link>();
  let waiting: { readonly id: string; readonly done: (text: string) => void } | undefined;
  const sink = {
    deliver({ type, messageId, text }: OutgoingFrame) {
      const isAnswer = type === MessageType.CallResult || type === MessageType.CallError;
      if (isAnswer && waiting?.id === messageId) waiting.done(text);
      return true;
    },
    revoked: () => undefined,
  };
  const linkOf = async ({ station, connection: epoch, protocol }: Step): Promise<Link> => {
    const before = links.get(station);
    if (before?.epoch === epoch) return before;
    await before?.connection.close();
    const metadata = { [PROVEN]: 'true' };
    const session = { stationId: station, protocol, remoteAddress: '127.0.0.1', metadata };
    const link = { epoch, connection: await gateway.open(session, sink), calls: 0, sends: 0 };
    links.set(station, link);
    return link;
  };
  for (const step of steps) {
    signal.throwIfAborted();
    const link = await linkOf(step);
    const text = ids.inReplay(step);
    const read = parseFrame(text, step.protocol);
    if (!read.ok) continue;
    const isCall = read.frame.type === MessageType.Call;
    const sequence = isCall ? ++link.calls : ++link.sends;
    const { promise, resolve } = Promise.withResolvers<string>();
    waiting = { id: read.frame.id, done: resolve };
    await link.connection.forward({ frame: read.frame, text, receivedAt: Date.now(), sequence });
    if (!isCall) continue;
    const late = new AbortController();
    const answer = await Promise.race([
      promise,
      sleep(answerMs, undefined, { signal: AbortSignal.any([late.signal, signal]) }).catch(() => undefined),
    ]);
    late.abort();
    ids.learn(step, answer);
    answers.set(step, answer && ids.asRecorded(step.station, answer));
  }
  for (const { connection } of links.values()) await connection.close();
  return { answers };
}
