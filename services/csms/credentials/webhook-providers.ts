/** An authority and a contract provider that are services of the operator, asked by webhooks. */
import type { Clock } from '../../runtime/clock.ts';
import { type Webhook, type WebhookAnswer, WebhookError } from '../../runtime/webhook.ts';
import { checkChain, refusalOf } from './certificate-rules.ts';
import { type CertificateProvider, type ContractProvider, ProviderError } from './providers.ts';

export interface WebhookAuthorityOptions {
  readonly webhook: Pick<Webhook, 'post'>;
  /** O of requests; '' for any. */
  readonly organization: string;
  /** Lifetime that the certificates should have. */
  readonly days: number;
  readonly clock: Clock;
}

/** `{identity, certificateType, csr, days, requestKey}` → `{certificateChain}`. A 4xx refuses the request for good. */
export function webhookAuthority({
  webhook,
  organization,
  days,
  clock,
}: WebhookAuthorityOptions): CertificateProvider {
  return {
    refusalOf: (order) => refusalOf(order, organization),
    async sign(order) {
      const { stationId: identity, certificateType, csr, requestKey } = order;
      const body = await ask(webhook, {
        identity,
        ...(certificateType !== undefined && { certificateType }),
        csr,
        days,
        requestKey,
      });
      const chain = body['certificateChain'];
      if (typeof chain !== 'string')
        throw new ProviderError('provider-answer', 'the authority answered without a certificateChain');
      return checkChain(chain, order, clock.now());
    },
  };
}

export function webhookContracts(webhook: Pick<Webhook, 'post'>): ContractProvider {
  return { ask: (question) => ask(webhook, question) };
}

async function ask(webhook: Pick<Webhook, 'post'>, body: object): Promise<Readonly<Record<string, unknown>>> {
  let answer: WebhookAnswer;
  try {
    answer = await webhook.post(body);
  } catch (error) {
    if (!(error instanceof WebhookError)) throw error;
    // Time, network and token can be put right; an answer of the wrong kind is of this request.
    const code = error.reason === 'bad-answer' ? 'provider-answer' : 'provider-unavailable';
    throw new ProviderError(code, error.message, { cause: error });
  }
  if (answer.status >= 400)
    throw new ProviderError('provider-refused', `the provider refused the request with ${answer.status}`);
  if (typeof answer.body !== 'object' || answer.body === null || Array.isArray(answer.body))
    throw new ProviderError('provider-answer', 'the provider answered with no JSON object');
  return answer.body as Readonly<Record<string, unknown>>;
}
