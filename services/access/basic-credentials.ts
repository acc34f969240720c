/**
 * HTTP Basic credentials of a station (RFC 7617): the user name is its identity (1.6 security whitepaper A00.FR.204; 2.0.1 Part 2,
 * A00.FR.204). Identities may contain a colon and passwords are bytes, so the user name is cut off by the identity, not by the first colon.
 */

export type BasicCredentials =
  | { readonly kind: 'none' }
  /** No Basic header, or not Base64. */
  | { readonly kind: 'malformed'; readonly reason: string }
  /** The user name is not the identity in the path. */
  | { readonly kind: 'other-user' }
  | { readonly kind: 'password'; readonly password: Buffer };

/** More than any password of OCPP: 40 bytes in 1.6, 64 characters in 2.1. */
const MAX_PASSWORD = 255;

/** @param header Authorization as received */
export function basicCredentials(header: string | undefined, identity: string): BasicCredentials {
  if (header === undefined || header.trim() === '') return { kind: 'none' };
  const [, scheme = '', rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(header) ?? [];
  if (scheme.toLowerCase() !== 'basic') return malformed('the scheme is not Basic');
  // Stations break long values into lines, use the URL alphabet, and omit the padding.
  const text = rest.replaceAll(/\s+/g, '');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return malformed('the value is not Base64');
  const bytes = Buffer.from(text, 'base64');
  const user = Buffer.from(`${identity}:`);
  if (!bytes.includes(0x3a)) return malformed('the value has no colon between user name and password');
  if (!bytes.subarray(0, user.length).equals(user)) return { kind: 'other-user' };
  const password = bytes.subarray(user.length);
  if (password.length > MAX_PASSWORD) return malformed(`the password has more than ${MAX_PASSWORD} bytes`);
  return { kind: 'password', password };
}

const malformed = (reason: string): BasicCredentials => ({ kind: 'malformed', reason });

/**
 * The spellings of a password that are compared with the stored form. AuthorizationKey of 1.6 is hexadecimal; stations send the text in
 * either case, or the bytes that it stands for. (1.6 security whitepaper, AuthorizationKey.) The number depends on the given password only.
 */
export function spellingsOf(password: Buffer): readonly Buffer[] {
  const text = password.toString('latin1');
  const isHex = /^(?:[0-9A-Fa-f]{2}){8,20}$/.test(text);
  if (isHex) {
    const others = [text.toUpperCase(), text.toLowerCase()].filter((one) => one !== text);
    return [password, ...others.map((one) => Buffer.from(one, 'latin1'))];
  }
  if (password.length < 8 || password.length > 20) return [password];
  const hex = password.toString('hex');
  return [password, Buffer.from(hex.toUpperCase()), Buffer.from(hex)];
}
