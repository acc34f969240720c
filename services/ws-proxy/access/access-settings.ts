/** The settings of a ws-proxy that say who may connect: docs/security.md. */
import { ENV } from '../../contract.ts';
import { duration } from '../../runtime/config.ts';

const text = (env: string, doc: string) => ({ doc, format: String, default: '', env });

export const accessSettings = {
  authenticationMode: {
    doc: 'Enforce refuses stations that cannot prove who they are. Report lets everyone in and counts those that Enforce would refuse.',
    format: ['Report', 'Enforce'],
    default: 'Enforce',
    env: ENV.authenticationMode,
    live: true,
  },
  stationSource: {
    doc: 'Where the entries of stations are: the register in Redis, files of a folder, a webhook, or none: then no station is unknown.',
    format: ['none', 'register', 'files', 'webhook'],
    default: 'none',
    env: ENV.stationSource,
  },
  unknownStations: {
    doc: 'Accept or Reject: what a station without an entry gets.',
    format: ['Accept', 'Reject'],
    default: 'Reject',
    env: ENV.unknownStations,
    live: true,
  },
  unknownStationStatus: {
    doc: 'HTTP status for a station without an entry that is refused. With 404, identities can be found by trying.',
    format: [401, 404],
    default: 401,
    env: ENV.unknownStationStatus,
    live: true,
  },
  enrolment: {
    doc: 'FirstSeen stores the first password of a station that has none in the register. Only in mode Report.',
    format: ['Off', 'FirstSeen'],
    default: 'Off',
    env: ENV.enrolment,
    live: true,
  },
  stationsFolder: text(
    ENV.stationsFolder,
    'Folder of the source files: each *.json is an object from identity to entry. It is read every second.',
  ),
  passwordKeyFile: text(
    ENV.passwordKeyFile,
    'File with the key of the stored passwords; profiles 1 and 2 need it, unless a webhook decides.',
  ),
  webhookUrl: text(ENV.webhookUrl, 'URL of the source webhook: http inside the cluster, https elsewhere.'),
  webhookTokenFile: text(ENV.webhookTokenFile, 'File with the bearer token for the webhook.'),
  webhookCaFile: text(
    ENV.webhookCaFile,
    'File with the CA certificates of the webhook; empty: those of Node.',
  ),
  webhookTimeout: {
    doc: 'How long the webhook may take for an answer.',
    format: duration,
    default: 2000,
    env: ENV.webhookTimeout,
  },
  webhookCache: {
    doc: 'How long the answer of the webhook that accepts a station counts; one that refuses counts for a tenth. 0s: not at all.',
    format: duration,
    default: 60_000,
    env: ENV.webhookCache,
  },
  certificateOrganization: text(
    ENV.certificateOrganization,
    'Organization (O) that client certificates must have; empty: any.',
  ),
} as const;
