/**
 * A station whose firmware breaks a rule breaks it in every message. One event an hour says so; more would push the events
 * of all other stations out of their stream. Starts and stops of transactions, and boots, are events each time.
 */
import { MessageType } from '../ocpp/frame.ts';

const EVERY_MS = 3_600_000;
/** Stations, actions and kinds of repair that are remembered; the oldest are forgotten. */
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

  /** Whether these kinds of repair are worth an event. @param now ms since 1970 */
  isNews(message: FaultyMessage, kinds: Iterable<string>, now: number): boolean {
    if (isRare(message)) return true;
    const what = JSON.stringify([message.stationId, message.action, ...kinds]);
    const before = this.#known.get(what);
    if (before !== undefined && now - before < EVERY_MS) return false;
    this.#known.delete(what);
    this.#known.set(what, now);
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
