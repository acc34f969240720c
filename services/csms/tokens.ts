/**
 * One decision about a token (RFID card, app account, …), shared by every message that carries one.
 *
 * Tokens stand in the HASH `<prefix>:tokens`: field = the token in upper case, value =
 * `{"status":"Accepted","expiry":"2027-01-01T00:00:00Z","parent":"FLEET-7","type":"ISO14443"}`, everything but
 * the status optional. OCPP compares tokens without regard to case (CiString, identifierString), a hash does not:
 * entries written in lower case or just as the station sends them are found too.
 *
 * In 2.x a token is its text and its type (IdTokenType). The entry for `4711` of type ISO14443 is not the one
 * for the key code 4711; an entry without a type holds for every type, as 1.6 has none.
 */
export const UNKNOWN_TOKENS = ['Accept', 'Reject'] as const;
/** What to say of a token that is not listed. */
export type UnknownTokens = (typeof UNKNOWN_TOKENS)[number];

/** AuthorizationStatusEnumType of 2.x. handlers/authorization.ts spells them for 1.6. */
export const TOKEN_STATUSES = [
  'Accepted',
  'Blocked',
  'ConcurrentTx',
  'Expired',
  'Invalid',
  'NoCredit',
  'NotAllowedTypeEVSE',
  'NotAtThisLocation',
  'NotAtThisTime',
  'Unknown',
] as const;
export type TokenStatus = (typeof TOKEN_STATUSES)[number];

export interface Authorization {
  /** Unknown also for what is not listed, when the policy rejects such tokens. */
  readonly status: TokenStatus;
  /** ISO 8601 */
  readonly expiry?: string;
  readonly parent?: string;
  /** Why the list's entry could not be used, for the log. */
  readonly problem?: string;
}

/** The hash fields under which a token may stand, the one that counts first. */
export function tokenFields(token: string): string[] {
  return [...new Set([token.toUpperCase(), token.toLowerCase(), token])];
}

/**
 * Decides by the list's entry, which is undefined for a token that is not listed.
 * @param type of a 2.x token; left out for 1.6
 */
export function authorize(
  entry: string | undefined,
  policy: UnknownTokens,
  now: Date,
  type?: string,
): Authorization {
  if (entry === undefined) return { status: policy === 'Accept' ? 'Accepted' : 'Unknown' };
  const token = parseEntry(entry);
  if (typeof token === 'string') return { status: 'Invalid', problem: token };
  // Under every policy: the text is that of another token.
  if (type !== undefined && isOther(token.type, type)) return { status: 'Invalid' };
  const { status, expiry, parent } = token;
  const expired = expiry !== undefined && expiry.getTime() <= now.getTime();
  return {
    status: status === 'Accepted' && expired ? 'Expired' : status,
    ...(expiry !== undefined && { expiry: expiry.toISOString() }),
    ...(parent !== undefined && { parent }),
  };
}

/** The decision about a token that charges in another transaction already and must not do so twice. */
export function inConcurrentTransaction(decision: Authorization): Authorization {
  return decision.status === 'Accepted' ? { ...decision, status: 'ConcurrentTx' } : decision;
}

/** IdTokenType is an identifierString in 2.1: the case does not matter. */
const isOther = (listed: string | undefined, type: string) =>
  listed !== undefined && listed.toLowerCase() !== type.toLowerCase();

interface Entry {
  readonly status: TokenStatus;
  readonly expiry?: Date;
  readonly parent?: string;
  readonly type?: string;
}

/** A mistake in the list must not open a connector: what cannot be read refuses, and says why. */
function parseEntry(text: string): Entry | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'the entry is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'the entry is not a JSON object';
  const { status, expiry, parent, type } = value as Record<string, unknown>;
  const listed = TOKEN_STATUSES.find((known) => known === status);
  if (listed === undefined) return `status is not one of ${TOKEN_STATUSES.join(', ')}`;
  const typed = type !== undefined && type !== null;
  if (typed && (typeof type !== 'string' || type === '')) return 'type is not a text such as ISO14443';
  const none = expiry === undefined || expiry === null;
  const at = none ? undefined : new Date(typeof expiry === 'string' ? expiry : Number.NaN);
  if (at !== undefined && Number.isNaN(at.getTime()))
    return 'expiry is not a date such as 2027-01-01T00:00:00Z';
  return {
    status: listed,
    ...(at !== undefined && { expiry: at }),
    ...(typeof parent === 'string' && parent !== '' && { parent }),
    ...(typeof type === 'string' && { type }),
  };
}
