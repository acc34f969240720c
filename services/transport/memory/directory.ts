/** The directory of stations in this process. */
import type { Clock } from '../../runtime/clock.ts';
import { type DirectoryEntry, type StationDirectory, STATIONS_KNOWN } from '../station-directory.ts';
import { byBytes } from '../stored-lists.ts';
import type { StateReader } from '../stored-state.ts';
import { type KeptRefusal, STATION_REGISTER } from '../watch/refused-handshakes.ts';
import type { MemorySession } from './gateway.ts';
import { MemoryRefusals } from './refusals.ts';

interface Times {
  connectedAt: string;
  disconnectedAt: string | undefined;
}

export class MemoryDirectory implements StationDirectory {
  readonly #clock: Clock;
  readonly #sessions: ReadonlyMap<string, MemorySession>;
  readonly #known = new Map<string, Times>();
  readonly refusals: MemoryRefusals;

  /** @param state with the register of stations */
  constructor(clock: Clock, sessions: ReadonlyMap<string, MemorySession>, state: Pick<StateReader, 'field'>) {
    this.#clock = clock;
    this.#sessions = sessions;
    const isRegistered = async (id: string) => (await state.field(STATION_REGISTER, id)) !== undefined;
    this.refusals = new MemoryRefusals(clock, async (id) => this.#known.has(id) || (await isRegistered(id)));
  }

  async known(limit: number, after?: string, prefix = ''): Promise<readonly string[]> {
    const wanted = [...this.#known.keys()].filter(
      (id) => id.startsWith(prefix) && (after === undefined || byBytes(id, after) > 0),
    );
    return wanted.sort(byBytes).slice(0, limit);
  }

  async knownCount(): Promise<number> {
    return this.#known.size;
  }

  async connectedCount(): Promise<number> {
    return this.#sessions.size;
  }

  async entries(stationIds: readonly string[]): Promise<readonly DirectoryEntry[]> {
    return stationIds.map((stationId) => {
      const held = this.#sessions.get(stationId);
      const times = this.#known.get(stationId);
      if (held === undefined) return { stationId, session: undefined, disconnectedAt: times?.disconnectedAt };
      const { protocol, remoteAddress } = held.session;
      const connectedAt = times?.connectedAt ?? '';
      const session = { proxyId: held.proxyId, protocol, remoteAddress, connectedAt };
      return { stationId, session, disconnectedAt: undefined };
    });
  }

  async refused(): Promise<readonly KeptRefusal[]> {
    return this.refusals.list();
  }

  connected({ session: { stationId } }: MemorySession): void {
    if (this.#known.size >= STATIONS_KNOWN && !this.#known.has(stationId)) return;
    this.#known.set(stationId, { connectedAt: this.#now(), disconnectedAt: undefined });
  }

  disconnected({ session: { stationId } }: MemorySession): void {
    const times = this.#known.get(stationId);
    if (times !== undefined) times.disconnectedAt = this.#now();
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}
