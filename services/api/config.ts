/** The settings of the API program, from the environment. `--help` prints them. */
import { ENV, PORT } from '../contract.ts';
import { ConfigError, duration, type SettingsOf, wholeNumber } from '../runtime/config.ts';
import { programSettings } from '../runtime/program-settings.ts';
import { redisSettings } from '../runtime/redis-settings.ts';
import { webhooksIn } from './webhooks/settings.ts';

const file = (env: string, doc: string) => ({ doc, format: String, default: '', env });

/** The monolith has them too. */
export const doorSettings = {
  apiPort: { doc: 'Port of the HTTP API.', format: 'port', default: PORT.api, env: ENV.apiPort },
  apiTokensFolder: file(
    ENV.apiTokensFolder,
    'Folder with a file for each access token: its name is that of the token, its text {"sha256":"<64 hexadecimal digits>","scope":"read|command|admin"}. It is followed while the program runs.',
  ),
  apiAdminTokenFile: file(
    ENV.apiAdminTokenFile,
    'File with an access token of scope admin, in clear; it is read again when it changes.',
  ),
  apiRequestsPerSecond: {
    doc: 'Requests per second of one access token; twice as many at once.',
    format: wholeNumber(1, 10_000),
    default: 50,
    env: ENV.apiRequestsPerSecond,
  },
  apiWebhooks: {
    doc: 'Webhooks that get events: JSON [{"name","url","types"?,"timeoutSeconds"?,"deadLetterAfterSeconds"?}]. Empty: none.',
    format: String,
    default: '',
    env: ENV.apiWebhooks,
  },
  apiWebhookSecretsFolder: file(
    ENV.apiWebhookSecretsFolder,
    'Folder with a file for each webhook: its name is that of the webhook, its text the signing secret whsec_…; <name>.ca has the authorities of its certificate. They are read again when they change.',
  ),
  apiPrometheusUrl: file(
    ENV.apiPrometheusUrl,
    'Base address of a Prometheus with the metrics of the cluster, for its history. Empty: there is none.',
  ),
  apiPrometheusTokenFile: file(
    ENV.apiPrometheusTokenFile,
    'File with the bearer token for that Prometheus; read for each request.',
  ),
  apiPrometheusCaFile: file(
    ENV.apiPrometheusCaFile,
    'File with the CA certificates for that Prometheus. Empty: those of the system.',
  ),
  apiPrometheusSelector: file(
    ENV.apiPrometheusSelector,
    'Label matchers of the series of the cluster, without braces. Empty: all series.',
  ),
  apiPrometheusOperatorSelector: file(
    ENV.apiPrometheusOperatorSelector,
    'Label matchers of the series that the operator has about the cluster. Empty: they are not read.',
  ),
  clusterUrl: file(
    ENV.clusterUrl,
    'URL of the OcppCluster object, for its status. Empty: the status is left out.',
  ),
  clusterTokenFile: file(
    ENV.clusterTokenFile,
    'File with the bearer token for that URL; read for each request.',
  ),
  clusterCaFile: file(
    ENV.clusterCaFile,
    'File with the CA certificates for that URL. Empty: those of the system.',
  ),
} as const;

export const apiSettings = {
  ...programSettings,
  ...doorSettings,
  passwordKeyFile: file(
    ENV.passwordKeyFile,
    'File with the key of the stored passwords. Empty: the API changes no passwords.',
  ),
  stopGrace: {
    doc: 'On shutdown, how long to finish requests.',
    format: duration,
    default: 20_000,
    env: ENV.stopGrace,
  },
  ...redisSettings,
} as const;

export type DoorConfig = SettingsOf<typeof doorSettings>;
export type ApiConfig = SettingsOf<typeof apiSettings>;

/** Whether access tokens are configured at all: the monolith serves no API without them. */
export function hasAccess({ apiTokensFolder, apiAdminTokenFile }: DoorConfig): boolean {
  return apiTokensFolder !== '' || apiAdminTokenFile !== '';
}

/** Where access tokens are. @throws ConfigError where there can be none */
export function readAccessFiles(config: DoorConfig) {
  const { apiTokensFolder: folder, apiAdminTokenFile: adminTokenFile } = config;
  if (!hasAccess(config))
    throw new ConfigError(
      `set ${ENV.apiAdminTokenFile} or ${ENV.apiTokensFolder}: without access tokens no request is permitted`,
    );
  return { folder, adminTokenFile };
}

/** @throws ConfigError for what is no list of webhooks */
export const readWebhooks = ({ apiWebhooks, apiWebhookSecretsFolder }: DoorConfig) =>
  webhooksIn(apiWebhooks, apiWebhookSecretsFolder);

/** @throws ConfigError for another text */
export function readClusterPlace({ clusterUrl: url, clusterTokenFile, clusterCaFile }: DoorConfig) {
  checkUrl(ENV.clusterUrl, url, ENV.clusterTokenFile);
  return { url, tokenFile: clusterTokenFile, caFile: clusterCaFile };
}

/** @throws ConfigError for another text */
export function readHistoryPlace(config: DoorConfig) {
  const { apiPrometheusUrl: url, apiPrometheusTokenFile: tokenFile, apiPrometheusCaFile: caFile } = config;
  checkUrl(ENV.apiPrometheusUrl, url, ENV.apiPrometheusTokenFile);
  const { apiPrometheusSelector: cluster, apiPrometheusOperatorSelector: operator } = config;
  return { url, tokenFile, caFile, cluster, operator };
}

function checkUrl(name: string, url: string, tokenFile: string): void {
  if (url === '') return;
  const { protocol = '', username = '', password = '' } = URL.parse(url) ?? {};
  if (!/^https?:$/.test(protocol)) throw new ConfigError(`${name}: must be an http or https URL`);
  if (username !== '' || password !== '')
    throw new ConfigError(
      `${name}: has a user or password, which problems would quote: set ${tokenFile} instead`,
    );
}
