/** The services outside of the cluster that a processor asks, from its settings. */
import { authorityExpiry, internalAuthority } from '../csms/credentials/internal-authority.ts';
import type { CertificateProvider, Providers } from '../csms/credentials/providers.ts';
import { webhookAuthority, webhookContracts } from '../csms/credentials/webhook-providers.ts';
import { ENV } from '../contract.ts';
import type { BreakerLimits } from '../runtime/circuit-breaker.ts';
import type { Clock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import { Webhook } from '../runtime/webhook.ts';
import type { ProviderConfig } from './config.ts';
import { type DecisionConfig, type DecisionParts, webhookDecisions } from './decisions.ts';

/** An authority may take its time, as no message waits for it; ms. */
const AUTHORITY_TIMEOUT_MS = 10_000;
/** A station waits for the provider: part of the time limit of the handler. */
const SHARE_OF_HANDLER = 0.8;
const LONGEST_PROVIDER_TIMEOUT_MS = 10_000;
/** The same of a decision: a start whose handler is late would become a dead letter. */
const DECISION_SHARE_OF_HANDLER = 0.5;
const BREAKER = { failures: 5, pauseMs: 30_000 };
/** Drivers wait for it, so it is tried again sooner. */
const DECISION_BREAKER = { failures: 5, pauseMs: 10_000 };

export interface ProcessorProviders extends Providers, Disposable {
  /** By name, for metrics. */
  readonly webhooks: ReadonlyMap<string, Webhook>;
  /** When the certificate of the internal authority expires, ms since 1970; resolves to undefined while that is not known. */
  readonly authorityExpiry?: () => Promise<number | undefined>;
}

/**
 * @param decisions what the decider needs besides; without it none is asked
 * @throws ConfigError
 */
export function createProviders(
  config: ProviderConfig & Pick<DecisionConfig, DecisionFiles>,
  handlerTimeoutMs: number,
  clock: Clock,
  decisions?: Omit<DecisionParts, 'webhook' | 'clock' | 'longestMs'>,
): ProcessorProviders {
  const webhooks = new Map<string, Webhook>();
  const webhookOf = (name: string, of: WebhookSettings) => {
    const webhook = newWebhook(of, clock);
    webhooks.set(name, webhook);
    return webhook;
  };
  const certificates = authorityOf(config, clock, (of) => webhookOf('certificate-authority', of));
  const contracts = config.contractProviderUrl;
  const { certificateAuthority: kind, certificateAuthorityFolder: folder } = config;
  return {
    webhooks,
    ...(certificates !== undefined && { certificates }),
    ...(kind === 'internal' && { authorityExpiry: () => authorityExpiry(folder) }),
    ...(contracts !== '' && {
      contracts: webhookContracts(
        webhookOf('contract-provider', {
          variable: ENV.contractProviderUrl,
          url: contracts,
          tokenFile: config.contractProviderTokenFile,
          caFile: config.contractProviderCaFile,
          timeoutMs: Math.min(LONGEST_PROVIDER_TIMEOUT_MS, handlerTimeoutMs * SHARE_OF_HANDLER),
        }),
      ),
    }),
    ...(decisions !== undefined &&
      config.decisionUrl !== '' && {
        decisions: webhookDecisions({
          ...decisions,
          longestMs: handlerTimeoutMs * DECISION_SHARE_OF_HANDLER,
          clock,
          webhook: webhookOf('decisions', decider(config, decisions)),
        }),
      }),
    [Symbol.dispose]() {
      for (const webhook of webhooks.values()) webhook[Symbol.dispose]();
    },
  };
}

type DecisionFiles = 'decisionUrl' | 'decisionSecretFile' | 'decisionTokenFile' | 'decisionCaFile';

function decider(
  config: Pick<DecisionConfig, DecisionFiles>,
  { config: live }: Pick<DecisionParts, 'config'>,
): WebhookSettings {
  const { decisionUrl: url, decisionSecretFile: secretFile } = config;
  const variable = ENV.decisionSecretFile;
  if (secretFile === '') throw new ConfigError(`${variable}: requests to the decider must be signed`);
  return {
    variable: ENV.decisionUrl,
    url,
    secretFile,
    tokenFile: config.decisionTokenFile,
    caFile: config.decisionCaFile,
    timeoutMs: live.decisionTimeout,
    breaker: DECISION_BREAKER,
  };
}

interface WebhookSettings {
  /** Of the URL, for errors. */
  readonly variable: string;
  readonly url: string;
  readonly tokenFile: string;
  readonly caFile: string;
  readonly secretFile?: string;
  readonly timeoutMs: number;
  readonly breaker?: BreakerLimits;
}

function authorityOf(
  config: ProviderConfig,
  clock: Clock,
  webhookOf: (of: WebhookSettings) => Webhook,
): CertificateProvider | undefined {
  const { certificateAuthority, certificateAuthorityFolder: folder } = config;
  const rules = { organization: config.certificateOrganization, days: config.stationCertificateDays, clock };
  if (certificateAuthority === 'none') return undefined;
  if (certificateAuthority === 'webhook') {
    const webhook = webhookOf({
      variable: ENV.certificateAuthorityUrl,
      url: config.certificateAuthorityUrl,
      tokenFile: config.certificateAuthorityTokenFile,
      caFile: config.certificateAuthorityCaFile,
      timeoutMs: AUTHORITY_TIMEOUT_MS,
    });
    return webhookAuthority({ webhook, ...rules });
  }
  if (folder !== '') return internalAuthority({ folder, ...rules });
  const variable = ENV.certificateAuthorityFolder;
  throw new ConfigError(`${variable}: the internal authority needs a folder with tls.crt and tls.key`);
}

function newWebhook({ variable, ...options }: WebhookSettings, clock: Clock): Webhook {
  try {
    return new Webhook({ breaker: BREAKER, ...options, clock });
  } catch (error) {
    // A URL may hold a password, so it is not repeated.
    throw new ConfigError(`${variable}: must be an http or https URL`, { cause: error });
  }
}
