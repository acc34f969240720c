/** The settings of the bill sink, from the environment. `--help` prints them. */
import { ENV } from '../contract.ts';
import { ConfigError, type SettingsOf, wholeNumber } from '../runtime/config.ts';
import { programSettings } from '../runtime/program-settings.ts';
import { type LoginSettings, SSL_MODES } from './login.ts';
import { schemaProblem } from './migrations.ts';

const text = (env: string, doc: string, fallback = '') => ({ doc, format: String, default: fallback, env });

export const sinkSettings = {
  ...programSettings,
  urlFile: text(
    ENV.billSinkUrlFile,
    'File with the URL of PostgreSQL, postgresql://user:password@host:5432/database; read for each connection. It may have sslmode, sslrootcert, sslcert and sslkey. Empty: the PG variables say where it is.',
  ),
  postgresHost: text(ENV.postgresHost, 'Host of PostgreSQL, or the folder of its socket.'),
  postgresPort: {
    doc: 'Port of PostgreSQL.',
    format: 'port',
    default: 5432,
    env: ENV.postgresPort,
  },
  postgresUser: text(ENV.postgresUser, 'User.'),
  postgresPassword: {
    ...text(ENV.postgresPassword, 'Password; better in the file with the URL.'),
    sensitive: true,
  },
  postgresDatabase: text(ENV.postgresDatabase, 'Database; empty: that with the name of the user.'),
  postgresSslMode: text(
    ENV.postgresSslMode,
    `${SSL_MODES.join(', ')}: whether to use TLS, and what to check. Empty: verify-full, except for a socket of this machine.`,
  ),
  postgresSslRootCert: text(
    ENV.postgresSslRootCert,
    'File with the CA certificates for the server certificate; empty: those of the system.',
  ),
  postgresSslCert: text(ENV.postgresSslCert, 'File with the client certificate, if PostgreSQL requires one.'),
  postgresSslKey: text(ENV.postgresSslKey, 'File with the key of the client certificate.'),
  schema: text(ENV.billSinkSchema, 'Schema of the tables; sinks of several clusters may share it.', 'ocpp'),
  cluster: text(
    ENV.billSinkCluster,
    'Name of this cluster in the tables. Empty: namespace/name of OCPP_CLUSTER_ID, or the channel prefix. Bills of another name are other bills: do not change it.',
  ),
  keep: {
    doc: 'About how many of the newest entries of each stream stay in Redis, for those that read them there; the others are removed when they have been moved.',
    format: wholeNumber(1, 10_000_000),
    default: 10_000,
    env: ENV.billSinkKeep,
  },
} as const;

type SinkConfig = SettingsOf<typeof sinkSettings>;

/** @throws ConfigError for a value that cannot work */
export function checkSink(config: SinkConfig): void {
  const { urlFile, postgresHost, schema, cluster } = config;
  if (urlFile === '' && postgresHost === '')
    throw new ConfigError(
      `bill-sink does not know where PostgreSQL is: set ${ENV.billSinkUrlFile} or ${ENV.postgresHost}`,
    );
  const problem = schemaProblem(schema);
  if (problem !== undefined)
    throw new ConfigError(`${ENV.billSinkSchema} ${problem} (it is ${JSON.stringify(schema)})`);
  // It is part of every index.
  if (cluster.length > 127) throw new ConfigError(`${ENV.billSinkCluster} has more than 127 characters`);
}

export function readLoginSettings(config: SinkConfig): LoginSettings {
  return {
    urlFile: config.urlFile,
    host: config.postgresHost,
    port: config.postgresPort,
    user: config.postgresUser,
    password: config.postgresPassword,
    database: config.postgresDatabase,
    sslMode: config.postgresSslMode,
    sslRootCert: config.postgresSslRootCert,
    sslCert: config.postgresSslCert,
    sslKey: config.postgresSslKey,
  };
}

/** Without the uid: a cluster that was deleted and created again is the same to a billing team. */
export function clusterName(
  cluster: string,
  { clusterId, channelPrefix }: { readonly clusterId: string; readonly channelPrefix: string },
): string {
  if (cluster !== '') return cluster;
  return clusterId === '' ? channelPrefix : clusterId.split('/').slice(0, 2).join('/');
}
