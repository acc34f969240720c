/** A decider that is a service of the operator, asked by a signed webhook. */
import { type Webhook, WebhookError } from '../../runtime/webhook.ts';
import type { DecisionOptions } from './decisions.ts';

export function webhookDecider(webhook: Pick<Webhook, 'post'>): DecisionOptions['ask'] {
  return async (question, timeoutMs) => {
    const { id } = question;
    const { status, body } = await webhook.post(question, { id, timeoutMs, from: question.stationId });
    if (status >= 300) throw new WebhookError('bad-answer', `the decider answered ${status}`);
    return body;
  };
}
