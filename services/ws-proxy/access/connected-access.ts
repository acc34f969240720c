/**
 * Compares connected stations with their entries every ten seconds, and closes those that are no longer accepted: blocked, another
 * password, a higher demanded profile, or unproven while the mode is Enforce. When the source is away, all stay.
 */
import type { AccessControl } from '../../access/access-control.ts';
import type { Grant } from '../../access/decide.ts';
import { sleep } from '../../runtime/clock.ts';
import type { StationSocket } from '../../station-server/station-socket.ts';

export interface ConnectedAccessOptions {
  readonly control: Pick<AccessControl, 'faultsOf'>;
  readonly sockets: () => Iterable<StationSocket>;
  readonly onClosed: (socket: StationSocket, fault: string) => void;
  readonly onError: (error: Error) => void;
  readonly intervalMs?: number;
}

/** ms */
const INTERVAL = 10_000;
/** Entries in one read: 500 of 200 bytes take Redis less than a millisecond. */
const AT_ONCE = 500;

interface Granted {
  readonly identity: string;
  readonly grant: Grant;
  readonly socket: StationSocket;
}

export class ConnectedAccess implements Disposable {
  readonly #options: ConnectedAccessOptions;
  readonly #stopped = new AbortController();

  constructor(options: ConnectedAccessOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  /** One comparison of all connected stations. It does not reject. */
  async check(): Promise<void> {
    const { control, sockets, onClosed, onError } = this.#options;
    const all = [...sockets()].flatMap((socket): Granted[] => {
      const { grant, session } = socket;
      return grant === undefined || !socket.isOpen ? [] : [{ identity: session.stationId, grant, socket }];
    });
    try {
      for (let i = 0; i < all.length; i += AT_ONCE) {
        const some = all.slice(i, i + AT_ONCE);
        const faults = await control.faultsOf(some);
        for (const [index, { socket }] of some.entries()) {
          const fault = faults[index];
          if (fault === undefined || !socket.isOpen) continue;
          socket.closeForAccess();
          onClosed(socket, fault);
        }
      }
    } catch (error) {
      onError(error as Error);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await sleep(this.#options.intervalMs ?? INTERVAL, signal);
      if (!signal.aborted) await this.check();
    }
  }

  [Symbol.dispose](): void {
    this.#stopped.abort();
  }
}
