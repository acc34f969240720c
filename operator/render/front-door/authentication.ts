/** Who may connect, and who signs the certificates of stations: for ws-proxy and processor as variables and mounted Secrets. */
import type { DefaultedSpec, OcppCluster } from '../../api/ocpp-cluster.ts';
import { ENV } from '../../../services/contract.ts';
import type { RenderInput } from '../render-input.ts';
import { tracingAccess } from '../tracing.ts';
import { decisionAccess } from './decisions.ts';
import { listenerSecrets, usesFrontDoor } from './listeners.ts';
import { type Access, joined, NO_ACCESS, secretFile, serviceAccess } from './service-access.ts';

type Spec = Pick<DefaultedSpec, 'authentication'>;

/** The Secret that the operator creates: with another one no stored password would match. */
export const generatedKeyName = ({ metadata }: OcppCluster): string => `${metadata.name}-password-key`;

/** Undefined: no password is stored in a form that needs a key. */
export function passwordKeySecret(cluster: OcppCluster, { authentication }: Spec): string | undefined {
  const { stations, passwordKeySecretName } = authentication ?? {};
  const isStored = stations?.register === true || stations?.secretName !== undefined;
  return isStored ? (passwordKeySecretName ?? generatedKeyName(cluster)) : undefined;
}

interface Setting {
  readonly name: string;
  readonly value: string;
}

/** The variables that may change while a ws-proxy runs. Empty where no listener asks who a station is. */
export function authenticationSettings(spec: DefaultedSpec): Setting[] {
  if (!usesFrontDoor(spec)) return [];
  const {
    mode = 'Enforce',
    unknownStations = 'Reject',
    unknownStationStatus = 401,
    enrolment = 'Off',
  } = spec.authentication ?? {};
  return [
    { name: ENV.authenticationMode, value: mode },
    { name: ENV.unknownStations, value: unknownStations },
    { name: ENV.unknownStationStatus, value: String(unknownStationStatus) },
    { name: ENV.enrolment, value: enrolment },
  ];
}

export function proxyAccess(input: RenderInput): Access {
  const { spec } = input;
  const listeners = { env: [], secrets: listenerSecrets(input) };
  return joined([
    listeners,
    stationSource(spec),
    organization(spec),
    passwordKey(input),
    tracingAccess(spec),
  ]);
}

export function processorAccess(input: RenderInput): Access {
  const { spec } = input;
  const authority = certificateAuthority(spec);
  const provider = contractProvider(spec);
  return joined([
    organization(spec),
    passwordKey(input),
    authority,
    provider,
    decisionAccess(spec),
    tracingAccess(spec),
  ]);
}

function stationSource({ authentication }: Spec): Access {
  const { register = false, secretName, webhook } = authentication?.stations ?? {};
  const named = (source: string): Access => ({
    env: [{ name: ENV.stationSource, value: source }],
    secrets: [],
  });
  if (register) return named('register');
  if (secretName !== undefined) {
    const mountPath = '/etc/ocpp/stations';
    const folder: Access = {
      env: [{ name: ENV.stationsFolder, value: mountPath }],
      secrets: [{ volume: 'stations', secretName, mountPath }],
    };
    return joined([named('files'), folder]);
  }
  if (webhook === undefined) return NO_ACCESS;
  const access = serviceAccess('authentication', webhook, {
    url: ENV.webhookUrl,
    tokenFile: ENV.webhookTokenFile,
    caFile: ENV.webhookCaFile,
  });
  const limits: Access = {
    env: [
      { name: ENV.webhookTimeout, value: `${webhook.timeoutSeconds}s` },
      { name: ENV.webhookCache, value: `${webhook.cacheSeconds}s` },
    ],
    secrets: [],
  };
  return joined([named('webhook'), access, limits]);
}

/** The processors compare it with certificate requests. */
function organization({ authentication }: Spec): Access {
  const value = authentication?.certificateOrganization;
  return value === undefined
    ? NO_ACCESS
    : { env: [{ name: ENV.certificateOrganization, value }], secrets: [] };
}

/** Processors and the API need it too: they give stations other passwords. */
export const passwordKey = ({ cluster, spec }: RenderInput): Access =>
  secretFile('password-key', passwordKeySecret(cluster, spec), 'key', ENV.passwordKeyFile);

function certificateAuthority({ certificateAuthority: authority }: DefaultedSpec): Access {
  if (authority === undefined) return NO_ACCESS;
  const { internal, webhook, certificateDays } = authority;
  const of = (kind: string): Access => ({
    env: [
      { name: ENV.certificateAuthority, value: kind },
      { name: ENV.stationCertificateDays, value: String(certificateDays) },
    ],
    secrets: [],
  });
  if (webhook !== undefined) {
    const access = serviceAccess('certificate-authority', webhook, {
      url: ENV.certificateAuthorityUrl,
      tokenFile: ENV.certificateAuthorityTokenFile,
      caFile: ENV.certificateAuthorityCaFile,
    });
    return joined([of('webhook'), access]);
  }
  if (internal === undefined) return NO_ACCESS;
  const mountPath = '/etc/ocpp/certificate-authority';
  const folder: Access = {
    env: [{ name: ENV.certificateAuthorityFolder, value: mountPath }],
    secrets: [{ volume: 'certificate-authority', secretName: internal.secretName, mountPath }],
  };
  return joined([of('internal'), folder]);
}

function contractProvider({ iso15118 }: DefaultedSpec): Access {
  const { provider } = iso15118 ?? {};
  if (provider === undefined) return NO_ACCESS;
  return serviceAccess('contract-provider', provider, {
    url: ENV.contractProviderUrl,
    tokenFile: ENV.contractProviderTokenFile,
    caFile: ENV.contractProviderCaFile,
  });
}
