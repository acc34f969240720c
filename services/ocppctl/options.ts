/** Options that several commands share. */
import type { Option } from './command.ts';

/** Every command has them. */
export const GLOBAL_OPTIONS: readonly Option[] = [
  { name: 'url', value: 'URL', doc: 'address of the API (OCPPCTL_URL, else that of the login)' },
  { name: 'token-file', value: 'FILE', doc: 'file with the token (OCPPCTL_TOKEN, else that of the login)' },
  { name: 'cluster', value: 'NAME', doc: 'reach the API of this OcppCluster through kubectl port-forward' },
  { name: 'namespace', short: 'n', value: 'NAMESPACE', doc: 'namespace of the OcppCluster' },
  { name: 'context', value: 'CONTEXT', doc: 'context of the kubeconfig' },
  { name: 'kubeconfig', value: 'FILE', doc: 'kubeconfig file' },
  {
    name: 'admin',
    doc: 'with --cluster: read the admin token from its Secret, even if another token is given',
  },
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    oneOf: ['table', 'json'],
    doc: 'table (default), or json: the items of the API as one document',
  },
  { name: 'help', short: 'h', doc: 'explain the command' },
];

const MOST_ITEMS = 1_000_000;
export const DEFAULT_LIMIT = 1000;

export const LIMIT: Option = {
  name: 'limit',
  value: 'N',
  whole: [1, MOST_ITEMS],
  doc: `most items (default: ${DEFAULT_LIMIT})`,
};
export const STATION_FILTER: Option = { name: 'station', value: 'ID', doc: 'only of this station' };

const SECONDS_OF_A_WEEK = 604_800;
const KEY: Option = {
  name: 'key',
  value: 'KEY',
  doc: 'idempotency key: a repetition with it sends nothing and shows the first outcome (default: a random one)',
};
const WAIT: Option = {
  name: 'wait',
  value: 'S',
  whole: [0, 3600],
  doc: 'seconds to wait for the outcome (default: 30)',
};
const PROTOCOL: Option = {
  name: 'protocol',
  value: 'P',
  oneOf: ['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1'],
  doc: 'OCPP version of the payload (default: that of the station)',
};
const TIMEOUT: Option = {
  name: 'timeout',
  value: 'S',
  whole: [1, 3600],
  doc: 'seconds that the station has for its answer',
};

/** Of a command to a station that never waits for it. */
export const NOW_OPTIONS: readonly Option[] = [KEY, WAIT, TIMEOUT, PROTOCOL];
export const CALL_OPTIONS: readonly Option[] = [
  ...NOW_OPTIONS,
  { name: 'queue', doc: 'let the command wait for a station that is offline' },
  { name: 'ttl', value: 'S', whole: [1, SECONDS_OF_A_WEEK], doc: 'seconds that it may wait in the queue' },
  { name: 'priority', value: 'N', whole: [0, 9], doc: 'the highest is sent first' },
];
