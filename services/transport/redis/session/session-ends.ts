/**
 * Ends sessions in Redis, many with one script. When thousands of sockets close together, the first goes at once and the
 * others wait for its reply, so that each session is sent once. After an error they stay, for the next flush.
 */
import type { Membership } from '../lease/membership.ts';
import { endSessions } from './end-sessions.ts';
import type { StationConnection } from './station-connection.ts';

/** Longer scripts hold up the messages of all other stations. */
const AT_ONCE = 500;

export class SessionEnds {
  readonly #member: Membership;
  readonly #waiting = new Set<StationConnection>();
  #flushing: Promise<void> | undefined;

  constructor(member: Membership) {
    this.#member = member;
  }

  /** Resolves when the session has ended in Redis. @throws Error of Redis; the session is ended by a later flush */
  end(connection: StationConnection): Promise<void> {
    this.#waiting.add(connection);
    return this.flush();
  }

  /** Resolves when none is left. @throws Error of Redis */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const { proxyId } = first;
      const sessions = this.#next(proxyId);
      // Read each time: the connection to Redis is another one after a change of the primary.
      const { commands, keys } = this.#member;
      await endSessions(commands, keys, { proxyId, sessions });
      for (const one of sessions) this.#waiting.delete(one);
    }
  }

  /** Of this proxy id: a process that registered again has two for a while. */
  #next(proxyId: string): readonly StationConnection[] {
    return [...this.#waiting].filter((one) => one.proxyId === proxyId).slice(0, AT_ONCE);
  }
}
