/**
 * The PROXY protocol, version 2 (haproxy, proxy-protocol.txt §2.2): a load balancer begins each TCP connection with a header that
 * names the client. It precedes TLS and HTTP, so it is read from the socket before their server gets it.
 */
import { type Server, type Socket, SocketAddress } from 'node:net';
import { plainAddress } from './trusted-networks.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
/** Addresses and the type-length-values behind them; load balancers send less than 200 bytes. */
const MAX_VARIABLE_BYTES = 1024;
const VERSION_1 = Buffer.from('PROXY ');

/** LOCAL: a connection of the sender's own, such as a health check. It names no client. */
export const LOCAL_HEADER = Buffer.concat([SIGNATURE, Buffer.from([0x20, 0, 0, 0])]);

export type ProxyHeader =
  /** The bytes so far may be the beginning of a header. */
  | { readonly kind: 'incomplete' }
  /** `address`: of the client; absent where the header names none. */
  | { readonly kind: 'complete'; readonly length: number; readonly address?: string }
  | { readonly kind: 'wrong'; readonly reason: string };

const INCOMPLETE = { kind: 'incomplete' } as const;
const wrong = (reason: string) => ({ kind: 'wrong', reason }) as const;

/** Reads a header from the first bytes of a connection. */
export function parseProxyHeader(data: Buffer): ProxyHeader {
  const known = Math.min(data.length, SIGNATURE.length);
  if (!data.subarray(0, known).equals(SIGNATURE.subarray(0, known))) {
    const isFirst = data.subarray(0, VERSION_1.length).equals(VERSION_1);
    return wrong(isFirst ? 'a PROXY protocol header of version 1' : 'no PROXY protocol header');
  }
  if (data.length < FIXED_BYTES) return INCOMPLETE;
  const [version, command] = [data.readUInt8(12) >> 4, data.readUInt8(12) & 0x0f];
  const [family, transport] = [data.readUInt8(13) >> 4, data.readUInt8(13) & 0x0f];
  const variable = data.readUInt16BE(14);
  if (version !== 2) return wrong(`a PROXY protocol header of version ${version}`);
  if (command > 1) return wrong(`an unknown command ${command} in the PROXY protocol header`);
  if (variable > MAX_VARIABLE_BYTES) return wrong(`a PROXY protocol header of ${variable} bytes`);
  const length = FIXED_BYTES + variable;
  if (data.length < length) return INCOMPLETE;
  if (command === 0 || family === 0) return { kind: 'complete', length };
  const addresses = data.subarray(FIXED_BYTES, length);
  const address = transport === 1 ? sourceOf(family, addresses) : undefined;
  if (address === undefined) return wrong('a PROXY protocol header without a TCP address');
  return { kind: 'complete', length, address };
}

/** The first of the two addresses. @param family 1 IPv4, 2 IPv6 */
function sourceOf(family: number, addresses: Buffer): string | undefined {
  if (family === 1 && addresses.length >= 12) return addresses.subarray(0, 4).join('.');
  if (family !== 2 || addresses.length < 36) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => addresses.readUInt16BE(2 * i).toString(16));
  return plainAddress(new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address);
}

/** What the owner of a server decides about a connection. */
export interface ProxiedConnections {
  /** How long the header may take; read for each connection; ms. */
  readonly timeoutMs: () => number;
  /** Whether to read a header from this peer; false: `tcp` is dropped, and the owner has reported it. */
  admit(tcp: Socket): boolean;
  /** The header is read. @param address of the client; absent: the header names none. Returns false for one to drop, as above. */
  identified(tcp: Socket, address: string | undefined): boolean;
  /** The connection is dropped as its header is missing, late or wrong. */
  failed(tcp: Socket, reason: string): void;
}

/**
 * Puts the header before a server of TCP, TLS or HTTP: its own listeners of 'connection' get each socket after the header. Call it
 * before other listeners are added: those see each connection at once.
 * @returns ends connections whose header is not complete
 */
export function acceptProxied(server: Server, owner: ProxiedConnections): () => void {
  const accept = server.listeners('connection');
  server.removeAllListeners('connection');
  const reading = new Set<Socket>();
  const handOver = (tcp: Socket, header: HeaderEnd) => {
    reading.delete(tcp);
    if (header.kind === 'wrong') owner.failed(tcp, header.reason);
    if (header.kind === 'complete' && owner.identified(tcp, header.address)) {
      for (const listener of accept) listener.call(server, tcp);
    } else tcp.destroy();
  };
  server.on('connection', (tcp: Socket) => {
    if (owner.admit(tcp)) {
      reading.add(tcp);
      readHeader(tcp, owner.timeoutMs(), (header) => handOver(tcp, header));
    } else tcp.destroy();
  });
  return () => {
    for (const tcp of reading) tcp.destroy();
  };
}

/** `gone`: the peer closed the connection before it sent a header, as health checks of TCP do. */
type HeaderEnd = Exclude<ProxyHeader, { kind: 'incomplete' }> | { readonly kind: 'gone' };

/** Takes the header from the socket; what follows it stays there. */
function readHeader(tcp: Socket, timeoutMs: number, done: (end: HeaderEnd) => void): void {
  let data: Buffer = Buffer.alloc(0);
  const end = (result: HeaderEnd) => {
    clearTimeout(timer);
    tcp.off('readable', read).off('end', gone).off('close', gone).off('error', ignore);
    if (result.kind === 'complete' && data.length > result.length) tcp.unshift(data.subarray(result.length));
    done(result);
  };
  const gone = () =>
    end(data.length === 0 ? { kind: 'gone' } : wrong('the connection ended within its header'));
  const read = () => {
    for (let chunk: unknown = tcp.read(); chunk !== null; chunk = tcp.read()) {
      data = Buffer.concat([data, chunk as Buffer]);
      const header = parseProxyHeader(data);
      if (header.kind !== 'incomplete') return end(header);
    }
  };
  const timer = setTimeout(
    () => end(wrong(`no complete PROXY protocol header within ${timeoutMs} ms`)),
    timeoutMs,
  );
  tcp.on('readable', read).on('end', gone).on('close', gone).on('error', ignore);
}

function ignore(): void {}
