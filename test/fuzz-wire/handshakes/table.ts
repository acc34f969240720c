/**
 * Handshakes: valid ones that look odd, and spoiled ones, each with the answers that are correct. Where only the HTTP parser
 * can say, any refusal is.
 */
import type { Protocol } from '../../../services/ocpp/frame.ts';
import type { Chance } from '../../chaos/random.ts';
import { ANY, bytesOf, type Draft, draftOf, type Mutation } from './draft.ts';
import { CREDENTIALS, HEADERS } from './headers.ts';
import { IDENTITIES } from './identities.ts';
import { SMUGGLED } from './smuggled.ts';
import { SUBPROTOCOLS } from './subprotocols.ts';

export interface Handshake {
  readonly name: string;
  readonly bytes: Buffer;
  /** Correct HTTP status codes; 0: the connection may end without an answer. */
  readonly statuses: readonly number[];
  /** Of a completed handshake: the subprotocol that it names; `none`: it is closed; undefined: either. */
  readonly protocol?: Protocol | 'none';
  /** Whether the client ends its side after the bytes, as they may be half a request. */
  readonly isHalf?: true;
  /** It goes to the listener with HTTP Basic. */
  readonly isSecured?: true;
}

/** A request cut somewhere, or with flipped bits. */
function spoiled(bytes: Buffer, chance: Chance): Buffer {
  const out = Buffer.from(bytes);
  if (chance.happens(0.3)) return out.subarray(0, chance.between(0, out.length - 1));
  for (let i = chance.between(1, 4); i > 0; i--) {
    const at = chance.between(0, out.length - 1);
    out[at] = (out[at] ?? 0) ^ (1 << chance.between(0, 7));
  }
  return out;
}

const GROUPS = [SUBPROTOCOLS, HEADERS, CREDENTIALS, IDENTITIES, SMUGGLED];

/** @param station an identity that every version allows */
export function handshakeOf(chance: Chance, station: string, protocol: Protocol): Handshake {
  const draft = draftOf(station, protocol);
  const roll = chance.next();
  if (roll < 0.15) return spoiledHandshake(draft, chance);
  const [name, change] = roll < 0.2 ? NOTHING : chance.one(chance.one(GROUPS));
  change(draft, chance, station);
  const { statuses } = draft;
  const agreed = draft.protocol === undefined ? {} : { protocol: draft.protocol };
  return { name, bytes: bytesOf(draft), statuses, ...agreed };
}

const NOTHING: Mutation = ['nothing', () => undefined];

function spoiledHandshake(draft: Draft, chance: Chance): Handshake {
  const bytes = spoiled(bytesOf(draft), chance);
  const isHalf = !bytes.includes('\r\n\r\n');
  return { name: 'flipped bits or half of it', bytes, statuses: ANY, ...(isHalf && { isHalf }) };
}
