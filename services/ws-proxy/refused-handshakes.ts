/**
 * Gathers refused handshakes for the record that people look at: one write a second at most, of a bounded number. What is
 * beyond it, and what concerns every station alike, is in the metrics only.
 */
import { countedAddress } from '../access/counted-address.ts';
import type { RefusalCode } from '../station-server/handshake.ts';
import type { NotedRefusal, RefusedHandshake } from '../transport/watch/refused-handshakes.ts';

/** Between two writes; ms. */
const INTERVAL = 1000;
/**
 * Identities with a reason in one write; of one client address a part of them, so that no client takes all. Half of each is kept
 * for stations: thousands of them, and one faulty client, may have the same address.
 */
const MOST = 100;
const MOST_OF_ADDRESS = 20;
const OF_OTHERS = 1 / 2;
/** Identities of the latest sessions that count as stations. */
const MOST_STATIONS = 20_000;
/** Characters of a reason. */
const LONGEST = 300;

/** A state of the proxy or the cluster, which thousands of stations meet at once. */
const OF_ALL: ReadonlySet<RefusalCode> = new Set([
  'connect-rate',
  'sessions',
  'listener-sessions',
  'connections',
  'busy',
  'source-away',
  'draining',
  'store-away',
  'store-full',
]);

export interface Refused extends RefusedHandshake {
  readonly code: RefusalCode;
}

export class RefusedHandshakes implements Disposable {
  readonly #write: (refusals: readonly NotedRefusal[]) => void;
  readonly #gathered = new Map<string, NotedRefusal>();
  readonly #room = new Room();
  readonly #stations = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param write stores them, and reports its own failures */
  constructor(write: (refusals: readonly NotedRefusal[]) => void) {
    this.#write = write;
  }

  /** A session of a station has begun. */
  opened(stationId: string): void {
    this.#stations.delete(stationId);
    this.#stations.add(stationId);
    const [oldest] = this.#stations;
    if (this.#stations.size > MOST_STATIONS && oldest !== undefined) this.#stations.delete(oldest);
  }

  note({ ...refused }: Refused): void {
    const { code, identity } = refused;
    if (OF_ALL.has(code)) return;
    const key = `${code} ${identity}`;
    const before = this.#gathered.get(key);
    const isOther = !this.#stations.has(identity);
    if (before === undefined && !this.#room.take(countedAddress(refused.remoteAddress), isOther)) return;
    this.#gathered.set(key, {
      ...refused,
      reason: reasonOf(refused),
      count: (before?.count ?? 0) + 1,
    });
    this.#timer ??= setTimeout(() => this.#writeAll(), INTERVAL).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #writeAll(): void {
    this.#timer = undefined;
    const all = [...this.#gathered.values()];
    this.#gathered.clear();
    this.#room.clear();
    this.#write(all);
  }
}

/** Of one write: what was taken, by all and by each address. */
class Room {
  readonly #all = new Counts(MOST);
  readonly #byAddress = new Map<string, Counts>();

  /** @returns whether there was room, which is taken then */
  take(address: string, isOther: boolean): boolean {
    const ofAddress = this.#byAddress.get(address) ?? new Counts(MOST_OF_ADDRESS);
    if (!this.#all.hasRoom(isOther) || !ofAddress.hasRoom(isOther)) return false;
    this.#byAddress.set(address, ofAddress);
    this.#all.add(isOther);
    ofAddress.add(isOther);
    return true;
  }

  clear(): void {
    this.#all.clear();
    this.#byAddress.clear();
  }
}

class Counts {
  readonly #most: number;
  #taken = 0;
  #byOthers = 0;

  constructor(most: number) {
    this.#most = most;
  }

  hasRoom(isOther: boolean): boolean {
    return this.#taken < this.#most && !(isOther && this.#byOthers >= this.#most * OF_OTHERS);
  }

  add(isOther: boolean): void {
    this.#taken += 1;
    if (isOther) this.#byOthers += 1;
  }

  clear(): void {
    this.#taken = 0;
    this.#byOthers = 0;
  }
}

/** Without what a client has written beside versions of OCPP: some send tokens as subprotocols. */
function reasonOf({ code, reason }: Refused): string {
  if (code !== 'unknown-subprotocol') return reason.slice(0, LONGEST);
  const versions = reason.match(/\bocpp\d[\d.]{0,9}\b/gi) ?? ['none of OCPP'];
  return `no common subprotocol: ${versions.join(', ')}`.slice(0, LONGEST);
}
