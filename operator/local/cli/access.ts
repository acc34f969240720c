/** What a person needs to use a cluster on this machine: addresses, commands, who may charge, and ignored fields. */
import { PATH, PORT } from '../../../services/contract.ts';
import { defaultedSpec } from '../../api/defaults.ts';
import type { DefaultedListener, OcppCluster } from '../../api/ocpp-cluster.ts';
import { targetOf } from '../../reconcile/measure.ts';
import { sinkObstacle } from '../bill-sink.ts';
import { belongsTo, componentOf, isReady, type Pod, type Secret } from '../kinds.ts';
import { LOOPBACK } from '../network/addresses.ts';
import { hasOwnTls } from '../../render/station-ports.ts';
import { stationsCommand } from '../trial/stations-program.ts';
import { usesRegister } from '../trial/needs.ts';
import type { TrialStation } from '../trial/trial.ts';
import { redisCommand, tokenCommand, tokensKey } from './redis-commands.ts';

/** Of `npm run simulate`. */
const DEFAULT_URL = `ws://${LOOPBACK}:${PORT.stations}${PATH.stations}`;

/** The addresses of one cluster. What has none yet is left out. */
export interface Access {
  readonly cluster: string;
  /** Stations append their identity. */
  readonly stations: readonly string[];
  readonly protocols: readonly string[];
  /** A shell command. */
  readonly redis?: string;
  /** A shell command that adds a token to the list. */
  readonly addToken?: string;
  /** One URL per proxy and processor. */
  readonly metrics: readonly string[];
  /** Of listeners that ask who a station is. */
  readonly demo?: readonly DemoAccess[];
  /** A shell command that adds a station to the register. */
  readonly addStation?: string;
  readonly api?: ApiAccess;
}

/** @param listStations a shell command; it and that of ocppctl are left out where the manifest has the token */
interface ApiAccess {
  readonly url: string;
  /** File with the admin token. */
  readonly tokenFile?: string;
  readonly listStations?: string;
  /** The same for ocppctl. */
  readonly ocppctl?: string;
}

/** A station that was made for a trial, and the command that simulates it. */
interface DemoAccess extends TrialStation {
  readonly url: string;
  readonly simulate: string;
}

/** What was made for Secrets that the manifest lacks. */
export interface TrialAccess {
  readonly stations: readonly TrialStation[];
  /** Variables of the stations program; undefined: there is no register, or its key is the user's. */
  readonly register: Readonly<Record<string, string>> | undefined;
  /** The HTTP API, and the file with its admin token. */
  readonly api?: { readonly url: string; readonly tokenFile: string | undefined } | undefined;
}

const urlOf = ({ port, path, tls }: DefaultedListener) =>
  `${hasOwnTls({ tls }) ? 'wss' : 'ws'}://${LOOPBACK}:${port}${path}`;

/** @param folder of the run */
export function accessOf(
  cluster: OcppCluster,
  pods: readonly Pod[],
  folder: string,
  trial?: TrialAccess,
): Access {
  const { listeners, protocols, processor } = defaultedSpec(cluster);
  const redis = redisCommand(cluster, pods, folder);
  const listed = processor.unknownTokens !== 'Accept';
  const ready = pods.filter((pod) => belongsTo(pod, cluster) && isReady(pod));
  // Proxies first: a change of the manifest replaces them least often.
  const isProxy = (pod: Pod) => Number(componentOf(pod) === 'ws-proxy');
  const targets = ready.toSorted((a, b) => isProxy(b) - isProxy(a)).flatMap((pod) => targetOf(pod));
  return {
    cluster: cluster.metadata.name,
    stations: listeners.map(urlOf),
    protocols,
    ...(redis !== undefined && { redis, ...(listed && { addToken: tokenCommand(cluster, redis) }) }),
    metrics: targets.map(({ host, port, path }) => `http://${host}:${port}${path}`),
    ...(trial !== undefined && trial.stations.length > 0 && { demo: demoAccess(listeners, trial) }),
    ...(trial?.api !== undefined && { api: apiAccess(trial.api) }),
    ...(trial?.register !== undefined && { addStation: stationsCommand(trial.register, 'new-password ID') }),
  };
}

const apiAccess = ({ url, tokenFile }: NonNullable<TrialAccess['api']>): ApiAccess => ({
  url,
  ...(tokenFile !== undefined && {
    tokenFile,
    ocppctl: `OCPPCTL_URL=${url} npm run --silent ocppctl -- --token-file ${tokenFile} status`,
    listStations: `curl -H "Authorization: Bearer $(cat ${tokenFile})" ${url}/v1/stations`,
  }),
});

function demoAccess(listeners: readonly DefaultedListener[], { stations }: TrialAccess): DemoAccess[] {
  return stations.flatMap((station) => {
    const listener = listeners.find(({ name }) => name === station.listener);
    if (listener === undefined) return [];
    const url = urlOf(listener);
    const files = [
      ['--password-file', station.passwordFile],
      ['--ca', station.caFile],
      ['--cert', station.certificateFile],
      ['--key', station.keyFile],
    ].flatMap(([option, file]) => (file === undefined ? [] : [`${option} ${file}`]));
    const protocol = listener.protocols === undefined ? [] : [`--protocols ${listener.protocols.join(',')}`];
    const options = [`--url ${url}`, `--identity ${station.identity}`, ...protocol, ...files].join(' ');
    return [{ ...station, url, simulate: `npm run simulate -- ${options}` }];
  });
}

const line = (label: string, text: string) => `  ${label.padEnd(22)}${text}`;

/**
 * Lines about a cluster that is about to start.
 * @param redis whether there is one on this machine
 * @param secrets of the manifest
 */
export function introductionOf(
  cluster: OcppCluster,
  redis: boolean,
  secrets: readonly Secret[] = [],
): string[] {
  const { stations, protocols } = accessOf(cluster, [], '');
  const [first = DEFAULT_URL, ...further] = stations;
  const open = openListener(cluster);
  const url = open === DEFAULT_URL ? '' : ` --url ${open}`;
  const obstacle = sinkObstacle(cluster, secrets, redis);
  const ignored = [
    ...ignoredFields(cluster),
    ...(obstacle === undefined ? [] : [`spec.billing.sink (${obstacle})`]),
  ];
  const { sink } = defaultedSpec(cluster).billing;
  return [
    line(`OcppCluster ${cluster.metadata.name}`, '').trimEnd(),
    line('stations connect to', `${first}/{id}   (${protocols.join(', ')})`),
    ...further.map((one) => line('               and to', `${one}/{id}`)),
    ...(open === undefined ? [] : [line('simulated stations', `npm run simulate -- --stations 10${url}`)]),
    ...tokenLines(cluster, redis),
    ...(sink === undefined || obstacle !== undefined
      ? []
      : [
          line(
            'bills',
            `move to the PostgreSQL of the Secret ${sink.postgres.secretName} (docs/bill-sink.md)`,
          ),
        ]),
    ...(redis || !usesRegister(cluster)
      ? []
      : [line('WARNING', 'without Redis there is no register, so no station of it is accepted')]),
    ...(ignored.length === 0 ? [] : [line('ignored here', ignored.join(', '))]),
  ];
}

/** URL of a listener that lets any station in. */
function openListener(cluster: OcppCluster): string | undefined {
  const { listeners, authentication } = defaultedSpec(cluster);
  const isKnown = authentication?.stations !== undefined && authentication.unknownStations === 'Reject';
  if (isKnown && authentication.mode === 'Enforce') return undefined;
  const open = listeners.find(({ securityProfile }) => securityProfile === 0);
  return open && urlOf(open);
}

/** Loud: nothing of this is for a cluster that anyone else can reach. @param made names of Secrets */
export function trialLines(made: readonly string[], folder: string): string[] {
  if (made.length === 0) return [];
  return [
    line('FOR TRIALS ONLY', `the file names Secrets that it does not have: ${made.join(', ')}`),
    line('', `npm start made them, with an authority, keys and passwords, in ${folder}`),
  ];
}

function tokenLines(cluster: OcppCluster, redis: boolean): string[] {
  const { processor, redis: settings } = defaultedSpec(cluster);
  if (processor.unknownTokens === 'Accept') {
    return [line('WARNING', 'any token may charge, as spec.processor.unknownTokens is Accept')];
  }
  if (settings.external !== undefined) {
    return [line('tokens that charge', `those in the hash ${tokensKey(cluster)} of your Redis`)];
  }
  const listed = redis
    ? 'those in the list; the command to add one follows'
    : 'none: without Redis there is no list; set spec.processor.unknownTokens';
  return [line('tokens that charge', listed)];
}

/** Lines about a cluster that has become ready. */
export function accessLines({ redis, addToken, metrics, demo = [], addStation, api }: Access): string[] {
  return [
    ...demo.flatMap(demoLines),
    ...(addStation === undefined
      ? []
      : [line('stations', 'those in the register; to add one:'), `    ${addStation}`]),
    ...(api === undefined ? [] : apiLines(api)),
    ...(metrics[0] === undefined
      ? []
      : [line('metrics', `curl ${metrics[0]}   (each Pod has its own address)`)]),
    ...(redis === undefined ? [] : [line('Redis', redis)]),
    ...(addToken === undefined
      ? []
      : [line('tokens that charge', 'those in the list; to add one:'), `    ${addToken}`]),
  ];
}

const apiLines = ({ url, tokenFile, listStations, ocppctl }: ApiAccess): string[] => [
  line(
    'console',
    tokenFile === undefined
      ? `${url}/   (it asks for an access token)`
      : `${url}/   (it asks for the token in ${tokenFile})`,
  ),
  line('HTTP API', `${url}   (what it can do: ${url}/openapi.json)`),
  ...(listStations === undefined ? [] : [`    ${listStations}`]),
  ...(ocppctl === undefined ? [] : [`    ${ocppctl}`]),
];

const PROFILES = ['', 'a password in clear', 'a password inside TLS', 'a certificate'] as const;

const demoLines = ({ listener, profile, simulate }: DemoAccess): string[] => [
  line(
    `listener ${listener}`,
    `security profile ${profile}, ${PROFILES[profile] ?? ''}; to connect as a station:`,
  ),
  `    ${simulate}`,
];

const WHERE_PODS_RUN = [
  'affinity',
  'nodeSelector',
  'priorityClassName',
  'tolerations',
  'topologySpreadConstraints',
];
const IGNORED = [
  'image',
  'upgrade',
  'proxy.service',
  'proxy.ingress',
  'proxy.gateway',
  'monitoring',
  'networkPolicy',
  'api.service',
  ...['proxy', 'processor', 'redis.embedded', 'api', 'billing.sink'].flatMap((part) =>
    WHERE_PODS_RUN.map((field) => `${part}.podTemplate.${field}`),
  ),
];

/** The paths of fields that the manifest sets and one machine ignores, in a fixed order. */
export function ignoredFields({ spec }: OcppCluster): string[] {
  return IGNORED.filter((path) => at(spec, path.split('.')) !== undefined).map((path) => `spec.${path}`);
}

function at(value: unknown, path: readonly string[]): unknown {
  const [field, ...rest] = path;
  if (field === undefined || typeof value !== 'object' || value === null) return value;
  return at((value as Readonly<Record<string, unknown>>)[field], rest);
}
