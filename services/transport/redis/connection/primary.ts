/**
 * Finds the primary that serves our keys, before every connection: after a fail-over a reconnect is enough.
 *
 * All our keys are in one slot, so a Cluster is one primary whose address changes, just as with Sentinel:
 * docs/decisions/0004.
 */
import { TransportError } from '../../errors.ts';
import { type Address, hashTag, parseAddrs, type RedisSettings } from './settings.ts';

/** Connects to one Sentinel or node, sends one command, disconnects. */
export type Ask = (at: Address, command: readonly [string, ...string[]]) => Promise<unknown>;

export class Primary {
  readonly #settings: RedisSettings;
  readonly #ask: Ask;
  readonly #seeds: readonly Address[];
  /** The Cluster's nodes by its last reply: they are asked too, in case no configured one is left. */
  #learned: readonly Address[] = [];
  #next = 0;

  constructor(settings: RedisSettings, ask: Ask) {
    this.#settings = settings;
    this.#ask = ask;
    this.#seeds = parseAddrs(settings);
  }

  /** @throws TransportError store-unavailable when no primary is known */
  async find(): Promise<Address> {
    const { mode = 'standalone', sentinel } = this.#settings;
    const [first] = parseAddrs(this.#settings);
    if (mode === 'standalone') return first;
    const problems: string[] = [];
    const all = [...this.#seeds, ...this.#learned];
    for (let tried = 0; tried < all.length; tried++) {
      // Begins with another one each time: one that is cut off from the others does not mislead us twice.
      const at = all[this.#next++ % all.length] ?? first;
      try {
        return mode === 'sentinel'
          ? await this.#askSentinel(at, sentinel?.masterName ?? '')
          : await this.#askNode(at);
      } catch (error) {
        problems.push(
          `${at.host}:${at.port} says: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    throw new TransportError('store-unavailable', `no primary is known; ${problems.join('; ')}`);
  }

  async #askSentinel(at: Address, name: string): Promise<Address> {
    const reply = await this.#ask(at, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]);
    if (!Array.isArray(reply)) throw new Error(`no primary is called "${name}"`);
    return { host: String(reply[0]), port: Number(reply[1]) };
  }

  async #askNode(at: Address): Promise<Address> {
    const slot = slotOf(this.#settings.slotKey ?? '');
    const ranges = (await this.#ask(at, ['CLUSTER', 'SLOTS'])) as readonly SlotRange[];
    // A node that does not know its own address omits it.
    const address = ([host, port]: SlotNode) => ({ host: host || at.host, port });
    const [, , owner] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? [];
    if (owner === undefined) throw new Error(`no node serves slot ${slot}`);
    this.#learned = ranges.flatMap(([, , ...nodes]) => nodes.map(address));
    return address(owner);
  }
}

type SlotNode = readonly [host: string | null, port: number, ...unknown[]];
type SlotRange = readonly [from: number, to: number, primary: SlotNode, ...replicas: SlotNode[]];

const SLOTS = 16_384;

/** CRC16 (XMODEM) of the hash tag, or of the whole key without one: Redis Cluster specification, "Key distribution". */
export function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashTag(key) ?? key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % SLOTS;
}
