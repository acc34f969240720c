/**
 * The identity of a station: the last, percent-decoded segment of the request path (OCPP-J 1.6 §3.1.1, 2.x Part 4
 * §3.1.1). It is untrusted and ends up in keys and logs, so invalid identities are rejected here.
 */
import type { Protocol } from './frame.ts';

/** Longest identity of 1.6, which has no limit: that of a CiString255. */
const MAX_1_6 = 255;
/** OCPP 2.x: identifierString[48]. */
const MAX_2_X = 48;
/** The characters of an identifierString (2.x Part 2 §2, primitive data types). */
const IDENTIFIER = /^[A-Za-z0-9*\-_=:+|@.]+$/;
/** 1.6 allows any readable text: no control characters, no halves of surrogate pairs. */
const UNREADABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

export type IdentityResult =
  | { readonly ok: true; readonly identity: string }
  | { readonly ok: false; readonly status: 400 | 404; readonly reason: string };

/**
 * Reads the identity from a request target such as `/ocpp/CS%2F1?x=1`.
 *
 * @param requestPath the undecoded request target
 * @param endpointPath the base path of stations, such as `/ocpp`
 * @param protocol the negotiated version; without one the wider rules of 1.6 apply
 */
export function identityOf(requestPath: string, endpointPath: string, protocol?: Protocol): IdentityResult {
  const path = withoutEmptySegments(requestPath);
  const base = withoutEmptySegments(endpointPath);
  const segment = path.slice(base.length + 1);
  // Exactly one segment: a second raw slash is a deeper path, not a name.
  if (!path.startsWith(`${base}/`) || segment === '' || segment.includes('/')) {
    return { ok: false, status: 404, reason: `stations connect to ${base}/<identity>` };
  }
  let identity: string;
  try {
    identity = decodeURIComponent(segment);
  } catch {
    return { ok: false, status: 400, reason: 'the identity is not percent-encoded UTF-8' };
  }
  const problem = problemOf(identity, protocol);
  return problem === undefined ? { ok: true, identity } : { ok: false, status: 400, reason: problem };
}

/** Removes empty segments, as in `/ocpp//ID` and `/ocpp/ID/`, the query and the trailing slash. */
function withoutEmptySegments(path: string): string {
  const [bare = ''] = path.split(/[?#]/, 1);
  const collapsed = bare.replace(/\/+/g, '/');
  return collapsed.endsWith('/') ? collapsed.slice(0, -1) : collapsed;
}

/** For logs: the requested identity, valid or not, cut to the longest; empty if there is none. */
export function apparentIdentity(requestPath: string): string {
  const segment = withoutEmptySegments(requestPath).split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(segment).slice(0, MAX_1_6);
  } catch {
    return segment.slice(0, MAX_1_6);
  }
}

/** A place among all identities, 0 to 1, the same each time: what many stations would do at once is spread by it. */
export function placeOf(identity: string): number {
  // FNV-1a, and a last step that mixes identities which differ in their last digit only.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(identity)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/** Whether a text can be the identity of a station. */
export function isIdentity(text: string, protocol?: Protocol): boolean {
  return problemOf(text, protocol) === undefined;
}

function problemOf(identity: string, protocol: Protocol = 'ocpp1.6'): string | undefined {
  const longest = protocol === 'ocpp1.6' ? MAX_1_6 : MAX_2_X;
  if (identity.length === 0 || identity.length > longest) {
    return `the identity has ${identity.length} characters, ${protocol} allows 1 to ${longest}`;
  }
  if (identity === '.' || identity === '..') return 'the identity is a path, not a name';
  if (protocol === 'ocpp1.6') {
    return UNREADABLE.test(identity) ? 'the identity has control characters' : undefined;
  }
  return IDENTIFIER.test(identity)
    ? undefined
    : `the identity has characters other than A-Z a-z 0-9 * - _ = : + | @ . which are all that ${protocol} allows`;
}
