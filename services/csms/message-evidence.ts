/** Evidence of faulty messages: the events of what was repaired or refused, and the refused message as the station sent it. */
import { bounded } from '../ocpp/bounded.ts';
import { writeExact } from '../ocpp/exact-numbers.ts';
import type { Call, Send } from '../ocpp/frame.ts';
import { TRANSACTION_MESSAGES } from '../ocpp/schema.ts';
import type { Delivery, Outcome } from '../transport/transport.ts';
import { RAW_TEXT_KEPT } from '../transport/unreadable.ts';
import { eventOf } from './facts.ts';

/** Characters of a faulty message that are kept in its event. */
const EVIDENCE = 2000;

/** What was repaired in a message, for its event. */
interface RepairSummary {
  readonly kinds: ReadonlySet<string>;
  readonly faults: readonly string[];
}

export function withRepair(
  outcome: Outcome,
  { kinds, faults }: RepairSummary,
  delivery: Delivery,
  frame: Call | Send,
): Outcome {
  const facts = { kinds: [...kinds].join(' '), faults: faults.join('; ') };
  return {
    ...outcome,
    events: [...outcome.events, messageEvent('message-repaired', delivery, frame, facts)],
  };
}

/** A message that cannot be understood is kept as the station sent it. */
export function withRefusal(
  outcome: Outcome,
  fault: string,
  delivery: Delivery,
  frame: Call | Send,
): Outcome {
  const { stationId, protocol, epoch, receivedAt } = delivery;
  const { type, id, action, payload, exact } = frame;
  const head = `[${type},${JSON.stringify(id)},${JSON.stringify(action)},`;
  const text = (delivery.repaired?.raw ?? `${head}${textOf(payload, exact)}]`).slice(0, RAW_TEXT_KEPT);
  const reason = `${action}: ${fault}`.slice(0, 500);
  return {
    ...outcome,
    events: [messageEvent('message-refused', delivery, frame, { faults: fault })],
    unreadable: {
      stationId,
      protocol,
      epoch,
      at: receivedAt,
      reason,
      text,
      ...(TRANSACTION_MESSAGES.has(action) && { quota: 'transactions' as const }),
    },
  };
}

/** JSON can nest deeper than its writer can follow. */
function textOf(payload: unknown, exact: ReadonlyMap<string, string> | undefined): string {
  try {
    return writeExact(payload, exact);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return JSON.stringify(bounded(payload).payload);
  }
}

function messageEvent(
  type: string,
  { stationId, repaired }: Delivery,
  { action, id, payload, exact }: Call | Send,
  facts: Readonly<Record<string, string>>,
) {
  const raw = repaired?.raw ?? textOf(payload, exact);
  return eventOf(type, stationId, { action, messageId: id, ...facts, payload: raw }, EVIDENCE);
}
