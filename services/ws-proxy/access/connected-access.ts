/**
 * Compares connected stations with their entries every ten seconds, and closes those that are no longer accepted, at a limited rate:
 * blocked, another password, a higher demanded profile, or unproven while the mode is Enforce. When the source is away, all stay. When
 * many are missing at once, the register was lost or emptied by mistake rather than so many stations removed: these stay, too.
 */
import type { AccessControl } from '../../access/access-control.ts';
import type { Grant } from '../../access/decide.ts';
import { SourceError } from '../../access/station-source.ts';
import { sleep } from '../../runtime/clock.ts';
import type { StationSocket } from '../../station-server/station-socket.ts';

export interface ConnectedAccessOptions {
  readonly control: Pick<AccessControl, 'faultsOf'>;
  readonly sockets: () => Iterable<StationSocket>;
  readonly onClosed: (socket: StationSocket, fault: string) => void;
  readonly onError: (error: Error) => void;
  /** Read each time, as it may change. */
  readonly closesPerSecond: () => number;
  readonly intervalMs?: number;
}

/** ms */
const INTERVAL = 10_000;
/** Entries in one read: 500 of 200 bytes take Redis less than a millisecond. */
const AT_ONCE = 500;

/** So many missing entries at once, and more than this share of the connected stations, are no removals. */
const MANY = 20;
const SHARE = 0.1;

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
    try {
      const all = this.#granted();
      const faulty = await this.#faulty(all);
      const missing = faulty.filter(({ fault, grant }) => isMissing(fault, grant));
      const isLost = missing.length >= MANY && missing.length > SHARE * all.length;
      if (isLost) this.#options.onError(new SourceError(lostText(missing.length, all.length)));
      await this.#close(isLost ? faulty.filter((one) => !missing.includes(one)) : faulty);
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  #granted(): Granted[] {
    return [...this.#options.sockets()].flatMap((socket): Granted[] => {
      const { grant, session } = socket;
      return grant === undefined || !socket.isOpen ? [] : [{ identity: session.stationId, grant, socket }];
    });
  }

  async #faulty(all: readonly Granted[]): Promise<Faulty[]> {
    const faulty: Faulty[] = [];
    for (let i = 0; i < all.length; i += AT_ONCE) {
      const some = all.slice(i, i + AT_ONCE);
      const faults = await this.#options.control.faultsOf(some);
      faulty.push(
        ...some.flatMap((one, index) => {
          const fault = faults[index];
          return fault === undefined ? [] : [{ ...one, fault }];
        }),
      );
    }
    // Those that could not be judged when they connected may well be good.
    return faulty.sort((a, b) => lastOf(a.grant) - lastOf(b.grant));
  }

  async #close(faulty: readonly Faulty[]): Promise<void> {
    const { closesPerSecond, onClosed } = this.#options;
    const { signal } = this.#stopped;
    const rate = Math.max(1, Math.floor(closesPerSecond()));
    for (const [index, { socket, fault }] of faulty.entries()) {
      if (index > 0 && index % rate === 0) await sleep(1000, signal);
      if (signal.aborted) return;
      if (!socket.isOpen) continue;
      socket.closeForAccess();
      onClosed(socket, fault);
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

interface Faulty extends Granted {
  readonly fault: string;
}

/** It had an entry when it connected. */
const isMissing = (fault: string, { unproven }: Grant) =>
  fault === 'unknown-station' && unproven === undefined;
const lastOf = ({ unproven }: Grant) => (unproven === 'source-away' ? 1 : 0);
const lostText = (missing: number, all: number) =>
  `${missing} of ${all} connected stations have no entry any more: they stay until they reconnect. ` +
  'Restore the register, or block stations that must go';
