/** Authorize, with a contract certificate or without; the decision about a token, and the response to it in each version. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import type { DomainEvent } from '../../transport/stored-state.ts';
import { eventOf } from '../facts.ts';
import type { Handler, HandlerContext, HandlerResult } from '../handler.ts';
import { authorize, type Authorization, inConcurrentTransaction, type TokenStatus } from '../tokens.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import { ask } from './iso15118.ts';

export type IdToken = OCPP20.AuthorizeRequest['idToken'] | OCPP21.AuthorizeRequest['idToken'];
type AuthorizeRequest = OCPP20.AuthorizeRequest | OCPP21.AuthorizeRequest;
type AuthorizeResponse = {
  readonly idTokenInfo: IdTokenInfo;
  readonly certificateStatus?: (typeof CERTIFICATE_STATUSES)[number];
};
type IdTagInfo = OCPP16.AuthorizeResponse['idTagInfo'];
type IdTokenInfo = OCPP20.AuthorizeResponse['idTokenInfo'] & OCPP21.AuthorizeResponse['idTokenInfo'];

/** Longest parentIdTag in 1.6 (IdToken, CiString20Type). */
const MAX_ID_TAG = 20;

export const authorize16: Handler<OCPP16.AuthorizeRequest, OCPP16.AuthorizeResponse> = async (
  request,
  context,
) => {
  const token = { text: request.idTag };
  const asked = { action: 'Authorize', request, token } as const;
  const { decision, writes } = await decideOutside(asked, await decide(request.idTag, context), context);
  const events = refusal(request.idTag, decision, context);
  return { response: { idTagInfo: idTagInfo(decision) }, writes, events };
};

export const authorize2: Handler<AuthorizeRequest, AuthorizeResponse> = async (request, context) => {
  const { idToken, certificate, iso15118CertificateHashData: hashData } = request;
  const own = await decideToken(idToken, context);
  const asked = { action: 'Authorize', request, token: tokenOf(idToken) } as const;
  const { decision, writes } = await decideOutside(asked, own, context);
  if (certificate !== undefined || hashData !== undefined)
    return { ...(await withContract(request, decision, context)), writes };
  const events = refusal(idToken.idToken, decision, context);
  return { response: { idTokenInfo: idTokenInfo(decision) }, writes, events };
};

/** A business back end may want to know of a card that it does not list. */
function refusal(
  token: string,
  { status }: { readonly status: string },
  { stationId }: HandlerContext,
): DomainEvent[] {
  return status === 'Accepted' ? [] : [eventOf('token-refused', stationId, { token, status })];
}

/**
 * C07: the vehicle presents a contract certificate. It charges only if the token may charge and the provider accepts the certificate;
 * one that was not checked is refused, and an event says so.
 */
async function withContract(
  { idToken, certificate, iso15118CertificateHashData: hashData }: AuthorizeRequest,
  decision: Authorization,
  context: HandlerContext,
): Promise<HandlerResult<AuthorizeResponse>> {
  const { stationId: identity, providers } = context;
  const answer = await ask(context, {
    operation: 'authorize',
    identity,
    idToken,
    ...(certificate !== undefined && { certificate }),
    ...(hashData !== undefined && { hashData }),
  });
  const status = CERTIFICATE_STATUSES.find((known) => known === answer?.['certificateStatus']);
  const refused = decision.status === 'Accepted' ? ({ status: 'Invalid' } as const) : decision;
  const response = {
    idTokenInfo: idTokenInfo(status === 'Accepted' ? decision : refused),
    certificateStatus: status ?? 'NoCertificateAvailable',
  };
  if (status !== undefined)
    return { response, events: refusal(idToken.idToken, response.idTokenInfo, context) };
  const reason =
    providers.contracts === undefined
      ? 'no provider of contract certificates is connected'
      : 'the provider gave no usable answer';
  return { response, events: [eventOf('contract-certificate-unchecked', identity, { reason })] };
}

/** AuthorizeCertificateStatusEnumType of 2.0.1 and 2.1. */
const CERTIFICATE_STATUSES = [
  'Accepted',
  'SignatureError',
  'CertificateExpired',
  'CertificateRevoked',
  'NoCertificateAvailable',
  'CertChainError',
  'ContractCancelled',
] as const;

/**
 * The decision about a token.
 * @param type of a 2.x token, which must be that of the list's entry
 */
export async function decide(token: string, context: HandlerContext, type?: string): Promise<Authorization> {
  const { settings, state, stationId, now, log } = context;
  const decision = authorize(await state.token(token), settings.unknownTokens, now, type);
  if (decision.problem !== undefined) {
    // The end of a short token would be most of it.
    const end = token.length > 8 ? { tokenEndsIn: token.slice(-4) } : {};
    const about = { stationId, ...end, problem: decision.problem };
    log.warn(about, 'the entry in the tokens hash is unusable, so the token is refused');
  }
  return decision;
}

/** The decision about a token of 2.x. A start button has no token, and is always accepted (C02). */
export async function decideToken(token: IdToken, context: HandlerContext): Promise<Authorization> {
  if (token.type === 'NoAuthorization') return { status: 'Accepted' };
  return decide(token.idToken, context, token.type);
}

export interface TokenQuestion {
  readonly action: 'Authorize' | 'StartTransaction';
  readonly request: object;
  /** Undefined: it is none that can be judged, such as that of a start button. */
  readonly token: { readonly text: string; readonly type?: string } | undefined;
  /** See Asked. */
  readonly fact?: string;
}

/**
 * The decision that the station gets, where a decider outside is asked.
 * @param own by the lists of the product
 */
export async function decideOutside(
  { token, ...asked }: TokenQuestion,
  own: Authorization,
  context: HandlerContext,
): Promise<{ readonly decision: Authorization; readonly writes: readonly StateWrite[] }> {
  const { decisions } = context.providers;
  if (decisions === undefined || token === undefined) return { decision: own, writes: [] };
  const { problem: _problem, concurrent: _concurrent, ...proposed } = own;
  const { answer, writes } = await decisions.decide({ ...asked, token, proposed }, context);
  if (answer.expiry === undefined) return { decision: answer, writes };
  const expiry = new Date(answer.expiry);
  const expired = answer.status === 'Accepted' && expiry <= context.now;
  const status = expired ? 'Expired' : answer.status;
  return { decision: { ...answer, status, expiry: expiry.toISOString() }, writes };
}

/** A start button has no token to judge. */
export function tokenOf({ idToken, type }: IdToken): TokenQuestion['token'] {
  return type === 'NoAuthorization' || idToken === '' ? undefined : { text: idToken, type };
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
  const { status, concurrent = settings.concurrentTransactions } = decision;
  if (concurrent === 'Accept' || status !== 'Accepted') return decision;
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

export function idTokenInfo({ status, expiry, parent, personalMessage }: Authorization): IdTokenInfo {
  return {
    status,
    ...(expiry !== undefined && { cacheExpiryDateTime: expiry }),
    ...(parent !== undefined && { groupIdToken: { idToken: parent, type: 'Central' } }),
    ...(personalMessage !== undefined && { personalMessage: { format: 'UTF8', content: personalMessage } }),
  };
}
