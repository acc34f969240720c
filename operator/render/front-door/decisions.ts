/** The decider that the processors ask: for them as variables, mounted Secrets and settings. */
import type { DefaultedSpec } from '../../api/ocpp-cluster.ts';
import { ENV } from '../../../services/contract.ts';
import { type Access, joined, NO_ACCESS, secretFile, serviceAccess } from './service-access.ts';

type Spec = Pick<DefaultedSpec, 'decisions'>;

export function decisionAccess({ decisions }: Spec): Access {
  if (decisions === undefined) return NO_ACCESS;
  const { webhook } = decisions;
  const { name, key } = webhook.signingSecret;
  const access = serviceAccess('decisions', webhook, {
    url: ENV.decisionUrl,
    tokenFile: ENV.decisionTokenFile,
    caFile: ENV.decisionCaFile,
  });
  return joined([access, secretFile('decisions-secret', name, key, ENV.decisionSecretFile)]);
}

/** The variables that may change while a processor runs. Empty where no decider is asked. */
export function decisionSettings({ decisions }: Spec): { readonly name: string; readonly value: string }[] {
  if (decisions === undefined) return [];
  const { actions, timeoutMilliseconds } = decisions.webhook;
  const named = actions.map(({ action, fallback }) => `${action}=${fallback}`);
  return [
    { name: ENV.decisionTimeout, value: `${timeoutMilliseconds}ms` },
    { name: ENV.decisionActions, value: named.join(',') },
  ];
}
