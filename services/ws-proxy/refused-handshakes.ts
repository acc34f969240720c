/**
 * Gathers refused handshakes for the record that people look at: one write a second at most, of a bounded number. What is
 * beyond it, and what concerns every station alike, is in the metrics only.
 */
import { countedAddress } from '../access/counted-address.ts';
import type { RefusalCode } from '../station-server/handshake.ts';
import type { NotedRefusal, RefusedHandshake } from '../transport/watch/refused-handshakes.ts';

/** Between two writes; ms. */
const INTERVAL = 1000;
/** Identities with a reason in one write; of one client address a part of them, so that no client takes all. */
const MOST = 100;
const MOST_OF_ADDRESS = 20;
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
  readonly #byAddress = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param write stores them, and reports its own failures */
  constructor(write: (refusals: readonly NotedRefusal[]) => void) {
    this.#write = write;
  }

  note({ ...refused }: Refused): void {
    const { code, identity } = refused;
    if (OF_ALL.has(code)) return;
    const key = `${code} ${identity}`;
    const before = this.#gathered.get(key);
    if (before === undefined && !this.#hasRoom(countedAddress(refused.remoteAddress))) return;
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

  #hasRoom(address: string): boolean {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (this.#gathered.size >= MOST || ofAddress >= MOST_OF_ADDRESS) return false;
    this.#byAddress.set(address, ofAddress + 1);
    return true;
  }

  #writeAll(): void {
    this.#timer = undefined;
    const all = [...this.#gathered.values()];
    this.#gathered.clear();
    this.#byAddress.clear();
    this.#write(all);
  }
}

/** Without what a client has written beside versions of OCPP: some send tokens as subprotocols. */
function reasonOf({ code, reason }: Refused): string {
  if (code !== 'unknown-subprotocol') return reason.slice(0, LONGEST);
  const versions = reason.match(/\bocpp\d[\d.]{0,9}\b/gi) ?? ['none of OCPP'];
  return `no common subprotocol: ${versions.join(', ')}`.slice(0, LONGEST);
}
