/**
 * Ends sessions in Redis, many with one script. When thousands of sockets close together, those that close while a script
 * runs wait for its reply, so that each session is sent once. After an error they stay, for the next flush.
 */
import type { Membership } from '../lease/membership.ts';
import { endSessions } from './end-sessions.ts';
import type { StationConnection } from './station-connection.ts';

/** Longer scripts hold up the messages of all other stations. */
const AT_ONCE = 500;

export class SessionEnds {
  readonly #member: Membership;
  readonly #onError: (error: Error) => void;
  readonly #waiting = new Set<StationConnection>();
  #running: Promise<void> = Promise.resolve();
  /** Begins after the running flush, with all that wait by then. */
  #next: Promise<void> | undefined;

  constructor(member: Membership, onError: (error: Error) => void) {
    this.#member = member;
    this.#onError = onError;
  }

  /** Resolves when the session has ended in Redis, or after an error, which is reported. */
  end(connection: StationConnection): Promise<void> {
    this.#waiting.add(connection);
    return this.flush();
  }

  /** The same for all that wait now. */
  flush(): Promise<void> {
    this.#next ??= this.#running.then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    this.#running = this.#send([...this.#waiting]).catch(this.#onError);
    return this.#running;
  }

  async #send(ending: readonly StationConnection[]): Promise<void> {
    const { commands, keys } = this.#member;
    // A process that registered again has two ids for a while.
    for (const [proxyId, all] of Map.groupBy(ending, (connection) => connection.proxyId)) {
      for (let i = 0; i < all.length; i += AT_ONCE) {
        const sessions = all.slice(i, i + AT_ONCE);
        await endSessions(commands, keys, { proxyId, sessions });
        for (const connection of sessions) this.#waiting.delete(connection);
      }
    }
  }
}
