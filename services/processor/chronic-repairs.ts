/**
 * A station whose firmware breaks a rule breaks it in every message. One event an hour says so; more would push the events
 * of all other stations out of their stream. What starts or ends a transaction, and a boot, is told each time.
 */
import { MessageType, type Call, type Send } from '../ocpp/frame.ts';

const EVERY_MS = 3_600_000;
/** Stations, actions and kinds of repair that are remembered; the oldest are forgotten. */
const MOST = 20_000;

const RARE: ReadonlySet<string> = new Set(['BootNotification', 'StartTransaction', 'StopTransaction']);

export class ChronicRepairs {
  readonly #told = new Map<string, number>();

  /** Whether the repair of this message has to be told. @param now ms since 1970 */
  isNews(stationId: string, frame: Call | Send, kinds: ReadonlySet<string>, now: number): boolean {
    if (isRare(frame)) return true;
    const what = JSON.stringify([stationId, frame.action, ...kinds]);
    const before = this.#told.get(what);
    if (before !== undefined && now - before < EVERY_MS) return false;
    this.#told.delete(what);
    this.#told.set(what, now);
    if (this.#told.size > MOST) for (const oldest of this.#told.keys()) return this.#told.delete(oldest);
    return true;
  }
}

function isRare({ type, action, payload }: Call | Send): boolean {
  if (type !== MessageType.Call) return false;
  if (action !== 'TransactionEvent') return RARE.has(action);
  return (payload as { readonly eventType?: unknown }).eventType !== 'Updated';
}
