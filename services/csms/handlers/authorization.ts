/** Authorize, and the response to a decision about a token in each version. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import type { Handler, HandlerContext } from '../handler.ts';
import { authorize, type Authorization, inConcurrentTransaction, type TokenStatus } from '../tokens.ts';

export type IdToken = OCPP20.AuthorizeRequest['idToken'] | OCPP21.AuthorizeRequest['idToken'];
type IdTagInfo = OCPP16.AuthorizeResponse['idTagInfo'];
type IdTokenInfo = OCPP20.AuthorizeResponse['idTokenInfo'] & OCPP21.AuthorizeResponse['idTokenInfo'];

/** Longest parentIdTag in 1.6 (IdToken, CiString20Type). */
const MAX_ID_TAG = 20;

export const authorize16: Handler<OCPP16.AuthorizeRequest, OCPP16.AuthorizeResponse> = async (
  { idTag },
  context,
) => ({ response: { idTagInfo: idTagInfo(await decide(idTag, context)) } });

export const authorize2: Handler<
  OCPP20.AuthorizeRequest | OCPP21.AuthorizeRequest,
  { idTokenInfo: IdTokenInfo }
> = async ({ idToken }, context) => ({
  response: { idTokenInfo: idTokenInfo(await decideToken(idToken, context)) },
});

/**
 * The decision about a token.
 * @param type of a 2.x token, which must be that of the list's entry
 */
export async function decide(token: string, context: HandlerContext, type?: string): Promise<Authorization> {
  const { settings, state, stationId, now, log } = context;
  const decision = authorize(await state.token(token), settings.unknownTokens, now, type);
  if (decision.problem !== undefined) {
    const hint = `the entry in the tokens hash is unusable, so the token is refused: ${decision.problem}`;
    log.warn({ stationId, tokenEndsIn: token.slice(-4) }, hint);
  }
  return decision;
}

/** The decision about a token of 2.x. A start button has no token, and is always accepted (C02). */
export async function decideToken(token: IdToken, context: HandlerContext): Promise<Authorization> {
  if (token.type === 'NoAuthorization') return { status: 'Accepted' };
  return decide(token.idToken, context, token.type);
}

/**
 * The decision about a token that starts a transaction. Depending on the policy, it must not charge in two at once.
 * Authorize does not check this, because the same card also stops a transaction.
 * @param except record keys of transactions that end with this start, or are the same one
 */
export async function refuseConcurrent(
  decision: Authorization,
  token: string,
  except: readonly string[],
  { settings, state }: HandlerContext,
): Promise<Authorization> {
  if (settings.concurrentTransactions === 'Accept' || decision.status !== 'Accepted') return decision;
  const open = await state.openOfToken(token);
  return open.some((key) => !except.includes(key)) ? inConcurrentTransaction(decision) : decision;
}

/** AuthorizationStatus of 1.6 (§7.2) has five values. A refusal for a time or a place is Blocked there. */
const STATUS_16: Readonly<Record<TokenStatus, IdTagInfo['status']>> = {
  Accepted: 'Accepted',
  Blocked: 'Blocked',
  ConcurrentTx: 'ConcurrentTx',
  Expired: 'Expired',
  Invalid: 'Invalid',
  NoCredit: 'Blocked',
  NotAllowedTypeEVSE: 'Blocked',
  NotAtThisLocation: 'Blocked',
  NotAtThisTime: 'Blocked',
  Unknown: 'Invalid',
};

export function idTagInfo({ status, expiry, parent }: Authorization): IdTagInfo {
  return {
    status: STATUS_16[status],
    ...(expiry !== undefined && { expiryDate: expiry }),
    ...(parent !== undefined && parent.length <= MAX_ID_TAG && { parentIdTag: parent }),
  };
}

export function idTokenInfo({ status, expiry, parent }: Authorization): IdTokenInfo {
  return {
    status,
    ...(expiry !== undefined && { cacheExpiryDateTime: expiry }),
    ...(parent !== undefined && { groupIdToken: { idToken: parent, type: 'Central' } }),
  };
}
