/**
 * The networks of load balancers whose statements about clients count. A client outside of them can send the same headers, so
 * nothing that it says about its own address or certificate is used.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

export class TrustedNetworks {
  readonly #read: () => readonly string[];
  #texts: readonly string[] = [];
  #list = new BlockList();

  /** @param networks is read each time, as it may change; each is an address or a CIDR that networkProblem() accepts */
  constructor(networks: () => readonly string[]) {
    this.#read = networks;
  }

  /** @param address without port and brackets */
  has(address: string): boolean {
    const texts = this.#read();
    if (texts.length === 0) return false;
    if (texts !== this.#texts) {
      this.#list = blockListOf(texts);
      this.#texts = texts;
    }
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** Without load balancers. */
export const TRUST_NONE = new TrustedNetworks(() => []);

interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly prefix: number;
}

/** Least lengths: no load balancers need a larger network, and it would be a mistake that trusts clients. */
const MIN_PREFIX = { ipv4: 8, ipv6: 16, mapped: 96 + 8 } as const;
/** Networks of IPv6 here may hold IPv4 addresses: those are mapped to ::ffff:0:0/96. */
const MAPPED = blockListOf(['::/16']);

/** What is wrong with a network such as `10.0.0.0/8`, `2001:db8::/32` or `192.0.2.7`; undefined if nothing. */
export function networkProblem(text: string): string | undefined {
  const network = networkOf(text);
  if (network === undefined) return `"${text}" is not a network, such as 10.0.0.0/8 or 2001:db8::/32`;
  const { address, family, prefix } = network;
  const kind = family === 'ipv6' && MAPPED.check(address, 'ipv6') ? 'mapped' : family;
  const least = MIN_PREFIX[kind];
  return prefix < least
    ? `"${text}" is too large a network, it would trust clients: /${least} at least`
    : undefined;
}

function networkOf(text: string): Network | undefined {
  const [, address = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = digits === undefined ? bits : Number(digits);
  return family === undefined || prefix > bits ? undefined : { address, family, prefix };
}

function blockListOf(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const network = networkOf(text);
    if (network !== undefined) list.addSubnet(network.address, network.prefix, network.family);
  }
  return list;
}

/** One form for each address: an IPv4-mapped IPv6 address as IPv4, IPv6 without a zone. */
export function plainAddress(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  return mapped ?? address.replace(/%.*$/, '');
}
