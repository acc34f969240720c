/**
 * A station whose firmware violates a rule does so in every message. It emits one event an hour; more would push the
 * events of other stations out of their stream. Starts and stops of transactions, and boots, emit an event each time.
 */
import { MessageType } from '../ocpp/frame.ts';

const EVERY_MS = 3_600_000;
/** Combinations of station, action and kinds of repair that are remembered; the oldest are dropped. */
const MOST = 20_000;

const RARE: ReadonlySet<string> = new Set(['BootNotification', 'StartTransaction', 'StopTransaction']);

/** A message that was repaired or refused. */
export interface FaultyMessage {
  readonly stationId: string;
  readonly type: number;
  readonly action: string;
  readonly payload: unknown;
}

export class ChronicRepairs {
  readonly #known = new Map<string, number>();

  /** Whether these kinds of repair emit an event. @param now ms since 1970 */
  isNews(message: FaultyMessage, kinds: Iterable<string>, now: number): boolean {
    if (isRare(message)) return true;
    const repairKey = JSON.stringify([message.stationId, message.action, ...kinds]);
    const before = this.#known.get(repairKey);
    if (before !== undefined && now - before < EVERY_MS) return false;
    this.#known.delete(repairKey);
    this.#known.set(repairKey, now);
    if (this.#known.size > MOST) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}

function isRare({ type, action, payload }: FaultyMessage): boolean {
  if (type !== MessageType.Call) return false;
  if (action !== 'TransactionEvent') return RARE.has(action);
  const { eventType } = payload as { readonly eventType?: unknown };
  return typeof eventType !== 'string' || eventType.toLowerCase() !== 'updated';
}
