/**
 * The decision about a token (RFID card, app account, …), shared by every message that carries one.
 *
 * The HASH `<prefix>:tokens` lists tokens: field = the token in upper case, value =
 * `{"status":"Accepted","expiry":"2027-01-01T00:00:00Z","parent":"FLEET-7","type":"ISO14443","concurrent":"Reject"}`;
 * only the status is required. Limits are `"maxEnergyWh":20000,"maxDurationSeconds":7200`. OCPP compares tokens case-insensitively (CiString, identifierString), a hash does not: entries in lower
 * case, or in the station's spelling, are found too.
 *
 * In 2.x a token is a text and a type (IdTokenType). The entry for `4711` of type ISO14443 does not apply to the key
 * code 4711. An entry without a type applies to every type, as 1.6 has none.
 */
export const UNKNOWN_TOKENS = ['Accept', 'Reject'] as const;
/** The decision about a token that is not listed. */
export type UnknownTokens = (typeof UNKNOWN_TOKENS)[number];

/** Whether a token may charge in two transactions at once. */
export const CONCURRENT_TRANSACTIONS = ['Accept', 'Reject'] as const;
export type ConcurrentTransactions = (typeof CONCURRENT_TRANSACTIONS)[number];

/** AuthorizationStatusEnumType of 2.x; handlers/authorization.ts maps it to 1.6. */
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

/** Limits of each transaction of a token. Only 2.1 can carry them to a station (TransactionLimitType). */
export interface TransactionLimits {
  /** Wh */
  readonly maxEnergyWh?: number;
  /** From the start to the end of the transaction; s. */
  readonly maxDurationSeconds?: number;
}

export interface Authorization extends TransactionLimits {
  /** Also Unknown if the token is not listed and the policy is Reject. */
  readonly status: TokenStatus;
  /** ISO 8601 */
  readonly expiry?: string;
  readonly parent?: string;
  /** For the display of a 2.x station; only a decider has one. */
  readonly personalMessage?: string;
  /** The token's own rule, which goes before that of the cluster. */
  readonly concurrent?: ConcurrentTransactions;
  /** Why the entry could not be used, for the log. */
  readonly problem?: string;
}

/** The hash fields of a token, in order of precedence. */
export function tokenFields(token: string): string[] {
  return [...new Set([token.toUpperCase(), token.toLowerCase(), token])];
}

/**
 * Decides about a token.
 * @param entry of the token list; undefined if the token is not listed
 * @param type of a 2.x token; omitted for 1.6
 */
export function authorize(
  entry: string | undefined,
  policy: UnknownTokens,
  now: Date,
  type?: string,
): Authorization {
  if (entry === undefined) return { status: policy === 'Accept' ? 'Accepted' : 'Unknown' };
  const token = readToken(entry);
  if (typeof token === 'string') return { status: 'Invalid', problem: token };
  // Under every policy: the entry is of another token with the same text.
  if (type !== undefined && isOther(token.type, type)) return { status: 'Invalid' };
  const { status, expiry, parent, concurrent, maxEnergyWh, maxDurationSeconds } = token;
  const expired = expiry !== undefined && expiry.getTime() <= now.getTime();
  return {
    status: status === 'Accepted' && expired ? 'Expired' : status,
    ...(expiry !== undefined && { expiry: expiry.toISOString() }),
    ...(parent !== undefined && { parent }),
    ...(concurrent !== undefined && { concurrent }),
    ...(maxEnergyWh !== undefined && { maxEnergyWh }),
    ...(maxDurationSeconds !== undefined && { maxDurationSeconds }),
  };
}

/** The decision about a token that is charging in another transaction and must not charge in two. */
export function inConcurrentTransaction(decision: Authorization): Authorization {
  return decision.status === 'Accepted' ? { ...decision, status: 'ConcurrentTx' } : decision;
}

/** IdTokenType is an identifierString in 2.1, which is case-insensitive. */
const isOther = (listed: string | undefined, type: string) =>
  listed !== undefined && listed.toLowerCase() !== type.toLowerCase();

export interface TokenEntry extends TransactionLimits {
  readonly status: TokenStatus;
  readonly expiry?: Date;
  readonly parent?: string;
  readonly type?: string;
  readonly concurrent?: ConcurrentTransactions;
}

/** Returns a problem for an unusable entry: a mistake in the list must not authorize charging. */
export function readToken(text: string): TokenEntry | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'the entry is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'the entry is not a JSON object';
  const { status, expiry, parent, type, concurrent } = value as Record<string, unknown>;
  const listed = TOKEN_STATUSES.find((known) => known === status);
  if (listed === undefined) return `status is not one of ${TOKEN_STATUSES.join(', ')}`;
  const typed = type !== undefined && type !== null;
  if (typed && (typeof type !== 'string' || type === '')) return 'type is not a text such as ISO14443';
  const none = expiry === undefined || expiry === null;
  const at = none ? undefined : new Date(typeof expiry === 'string' ? expiry : Number.NaN);
  if (at !== undefined && Number.isNaN(at.getTime()))
    return 'expiry is not a date such as 2027-01-01T00:00:00Z';
  const rule = CONCURRENT_TRANSACTIONS.find((known) => known === concurrent);
  if (rule === undefined && concurrent !== undefined && concurrent !== null)
    return `concurrent is not one of ${CONCURRENT_TRANSACTIONS.join(', ')}`;
  const limits = limitsIn(value as Record<string, unknown>);
  if (typeof limits === 'string') return limits;
  return {
    status: listed,
    ...(at !== undefined && { expiry: at }),
    ...(typeof parent === 'string' && parent !== '' && { parent }),
    ...(typeof type === 'string' && { type }),
    ...(rule !== undefined && { concurrent: rule }),
    ...limits,
  };
}

/** Longest limit of a time in 2.1 (integer); s. */
const LONGEST = 2 ** 31 - 1;

function limitsIn({ maxEnergyWh, maxDurationSeconds }: Record<string, unknown>): TransactionLimits | string {
  const isEnergy = typeof maxEnergyWh === 'number' && maxEnergyWh > 0 && Number.isFinite(maxEnergyWh);
  if (isGiven(maxEnergyWh) && !isEnergy) return 'maxEnergyWh is not a number of Wh above 0';
  const isDuration =
    Number.isInteger(maxDurationSeconds) &&
    Number(maxDurationSeconds) > 0 &&
    Number(maxDurationSeconds) <= LONGEST;
  if (isGiven(maxDurationSeconds) && !isDuration)
    return `maxDurationSeconds is not a whole number from 1 to ${LONGEST}`;
  return {
    ...(isEnergy && { maxEnergyWh }),
    ...(isDuration && { maxDurationSeconds: Number(maxDurationSeconds) }),
  };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;
