/** A handshake that mutations change, with the answers that are correct, and its bytes. */
import type { Protocol } from '../../../services/ocpp/frame.ts';
import type { Chance } from '../../chaos/random.ts';

export interface Draft {
  method: string;
  target: string;
  version: string;
  /** In their order. */
  headers: string[];
  behind: Buffer;
  statuses: readonly number[];
  protocol: Protocol | 'none' | undefined;
}

export type Mutation = readonly [
  name: string,
  change: (draft: Draft, chance: Chance, station: string) => void,
];

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** The accepting answer to KEY (RFC 6455 §1.3). */
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const REFUSED = [400, 404, 405, 408, 411, 413, 414, 417, 426, 431, 501, 505];
/** The HTTP parser decides. */
export const ANY = [101, ...REFUSED, 0];
const PROTOCOL = /^sec-websocket-protocol:/i;

export const without = (draft: Draft, name: RegExp) => {
  draft.headers = draft.headers.filter((line) => !name.test(line));
};
export const offer = (draft: Draft, lines: readonly string[], protocol: Protocol | 'none') => {
  without(draft, PROTOCOL);
  draft.headers.push(...lines.map((line) => `Sec-WebSocket-Protocol: ${line}`));
  draft.protocol = protocol;
};
export const refused = (draft: Draft, ...statuses: number[]) => {
  draft.statuses = statuses;
  draft.protocol = undefined;
};
export const either = (draft: Draft) => {
  draft.statuses = ANY;
  draft.protocol = undefined;
};
export const replaced = (draft: Draft, name: RegExp, ...lines: string[]) => {
  without(draft, name);
  draft.headers.push(...lines);
};

/** The handshake of a station that does everything right. */
export function plainHandshake(station: string, protocol: Protocol): Buffer {
  return bytesOf(draftOf(station, protocol));
}

export function draftOf(station: string, protocol: Protocol): Draft {
  return {
    method: 'GET',
    target: `/ocpp/${station}`,
    version: 'HTTP/1.1',
    headers: [
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${KEY}`,
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Protocol: ${protocol}`,
    ],
    behind: Buffer.alloc(0),
    statuses: [101],
    protocol,
  };
}

export function bytesOf({ method, target, version, headers, behind }: Draft): Buffer {
  const head = `${method} ${target} ${version}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), behind]);
}
