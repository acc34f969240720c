/**
 * One decision about a token (RFID card, app account, …), shared by every message that carries one.
 *
 * Tokens stand in the HASH `<prefix>:tokens`: field = the token in upper case, value =
 * `{"status":"Accepted","expiry":"2027-01-01T00:00:00Z","parent":"FLEET-7"}`, everything but the status
 * optional. OCPP compares tokens without regard to case (CiString, identifierString), a hash does not:
 * entries written in lower case or just as the station sends them are found too.
 */
export const UNKNOWN_TOKENS = ['Accept', 'Reject'] as const;
/** What to say of a token that is not listed. */
export type UnknownTokens = (typeof UNKNOWN_TOKENS)[number];

const LISTED = ['Accepted', 'Blocked', 'Expired', 'Invalid'] as const;
type ListedStatus = (typeof LISTED)[number];

export interface Authorization {
  /** Unknown: not listed, and the policy rejects such tokens. */
  readonly status: ListedStatus | 'Unknown';
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

/** Decides by the list's entry, which is undefined for a token that is not listed. */
export function authorize(entry: string | undefined, policy: UnknownTokens, now: Date): Authorization {
  if (entry === undefined) return { status: policy === 'Accept' ? 'Accepted' : 'Unknown' };
  const token = parseEntry(entry);
  if (typeof token === 'string') return { status: 'Invalid', problem: token };
  const { status, expiry, parent } = token;
  const expired = expiry !== undefined && expiry.getTime() <= now.getTime();
  return {
    status: status === 'Accepted' && expired ? 'Expired' : status,
    ...(expiry !== undefined && { expiry: expiry.toISOString() }),
    ...(parent !== undefined && { parent }),
  };
}

interface Entry {
  readonly status: ListedStatus;
  readonly expiry?: Date;
  readonly parent?: string;
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
  const { status, expiry, parent } = value as Record<string, unknown>;
  const listed = LISTED.find((known) => known === status);
  if (listed === undefined) return `status is not one of ${LISTED.join(', ')}`;
  const none = expiry === undefined || expiry === null;
  const at = none ? undefined : new Date(typeof expiry === 'string' ? expiry : Number.NaN);
  if (at !== undefined && Number.isNaN(at.getTime()))
    return 'expiry is not a date such as 2027-01-01T00:00:00Z';
  return {
    status: listed,
    ...(at !== undefined && { expiry: at }),
    ...(typeof parent === 'string' && parent !== '' && { parent }),
  };
}
