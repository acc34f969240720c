/**
 * Plays a history through the product in this process: the reading of texts that a socket does, the memory bus, and the
 * processor with its own handlers, under a clock that the history moves. Each history has a bus of its own.
 */
import { MessageType, type Protocol } from '../../services/ocpp/frame.ts';
import { DEFAULT_SETTINGS } from '../../services/csms/handler.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { createProcessor } from '../../services/csms/processor.ts';
import type { Log } from '../../services/runtime/log.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { type Draft, type JsonObject, resolve, type Say, write } from './draft.ts';
import { closeForgotten } from './forgotten.ts';
import { BEGIN } from './sessions.ts';
import { Station } from './station.ts';

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** What was said, and how it was answered. */
export interface Exchange {
  readonly say: Say;
  /** What the station meant to write. */
  readonly payload: JsonObject;
  readonly text: string;
  /** ms since 1970 */
  readonly at: number;
  readonly answer: 'result' | 'error' | 'none';
  readonly response: Readonly<Record<string, unknown>>;
  /** Text of the answer. */
  readonly answered: string;
}

export type Entry = Readonly<Record<string, string>>;

export interface Transcript {
  readonly protocol: Protocol;
  readonly exchanges: readonly Exchange[];
  readonly bills: readonly Entry[];
  readonly reports: readonly Entry[];
  /** So many of them were there when the station had said all. */
  readonly reportsAtOnce: number;
  readonly events: readonly Entry[];
}

export async function play(draft: Draft): Promise<Transcript> {
  let now = BEGIN;
  const clock = { now: () => now };
  const bus = createMemoryBus(clock);
  const { transport, state } = bus;
  const settings = { ...DEFAULT_SETTINGS, unknownTokens: 'Accept' as const };
  await using processor = createProcessor({ transport, handlers: HANDLERS, settings, clock, log: SILENT });
  await processor.start();
  await using station = new Station(bus, draft.protocol, processor);
  await station.connect();
  const ids = new Map<number, number>();
  const exchanges: Exchange[] = [];
  for (const step of draft.steps) {
    now = Math.max(now, step.at);
    if (step.kind === 'reconnect') await station.connect();
    else if (step.kind === 'stray') await station.send(step.text, now);
    else {
      const number = `m-${exchanges.length + 1}`;
      const exchange = await exchangeOf(step, number, station, now, (session) => ids.get(session));
      exchanges.push(exchange);
      const { transactionId } = exchange.response;
      if (step.role === 'start' && typeof transactionId === 'number') ids.set(step.session, transactionId);
    }
  }
  const reportsAtOnce = state.stream('reports').length;
  await closeForgotten(transport, clock, (ms) => {
    now += ms;
  });
  return {
    protocol: draft.protocol,
    exchanges,
    bills: state.stream('transactions'),
    reports: state.stream('reports'),
    reportsAtOnce,
    events: state.stream('events'),
  };
}

async function exchangeOf(
  say: Say,
  number: string,
  station: Station,
  at: number,
  given: (session: number) => number | undefined,
): Promise<Exchange> {
  const payload = resolve(say.payload, given) as JsonObject;
  const { messageId = number } = say;
  const strict = `[2,${JSON.stringify(messageId)},${JSON.stringify(say.action)},${write(payload)}]`;
  const text = say.texts.reduce((before, change) => change(before), strict);
  const answered = (await station.send(text, at)) ?? '';
  const [type, , response] = answered === '' ? [] : (JSON.parse(answered) as unknown[]);
  const answer = type === MessageType.CallResult ? 'result' : type === undefined ? 'none' : 'error';
  const result = answer === 'result' ? (response as Readonly<Record<string, unknown>>) : {};
  return { say, payload, text, at, answer, response: result, answered };
}
