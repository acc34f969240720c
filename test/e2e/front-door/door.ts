/** The cluster of the front door tests: a listener of each security profile, its Secrets, and what its status says of security. */
import { API_VERSION, KIND, type SecurityStatus } from '../../../operator/api/ocpp-cluster.ts';
import { readSeries } from '../../../operator/signals/prometheus-text.ts';
import type { IssuedCertificate } from '../../../services/certificates/authority.ts';
import { METRIC } from '../../../services/contract.ts';
import { testAuthority, tlsFiles } from '../../support/certificates.ts';
import { apply, condition, get, kubectl, list, type Manifest, metricsOf, until } from '../kubectl.ts';
import { redis, type RedisPod } from '../redis.ts';
import { SERVER_NAME } from './stations.ts';

export const door: RedisPod = { cluster: 'door', namespace: 'ocpp-e2e-door' };
/** Handshakes of the whole cluster per second. */
export const BUDGET = 100;

/** A thousand TLS handshakes at once take each Pod two seconds of CPU, which the rest of the machine must leave them. */
const RESOURCES = { requests: { cpu: '500m', memory: '128Mi' } };

const { cluster: name, namespace } = door;
const SERVERS = 'Server CA';
export const CLIENTS = 'Station CA';
const LISTENERS = ['basic', 'tls', 'mtls'] as const;
export type Listener = (typeof LISTENERS)[number];
const inCluster = ['-n', namespace];

interface Secret extends Manifest {
  readonly type: string;
  readonly stringData: Readonly<Record<string, string>>;
}

const secret = (of: string, type: string, stringData: Secret['stringData']): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: of, namespace },
  type,
  stringData,
});

/** Creates or changes the Secret of a TLS listener. */
export const putCertificate = (listener: Listener, issued: IssuedCertificate): Promise<void> =>
  apply(secret(`door-${listener}`, 'kubernetes.io/tls', tlsFiles(issued)));

/** Creates or changes the Secret that stations' certificates are judged by. @param revoked serial numbers */
export async function putClientCa(revoked: readonly string[], days = 30): Promise<void> {
  const clients = await stationAuthority();
  // The condition warns of a list that expires within seven days.
  const list = await clients.createRevocationList(revoked, { days });
  const files = { 'ca.crt': clients.certificate, 'ca.crl': list };
  await apply(secret('door-clients', 'Opaque', files));
}

export const serverAuthority = () => testAuthority(SERVERS);
const stationAuthority = () => testAuthority(CLIENTS);

export const newServerCertificate = async (days: number): Promise<IssuedCertificate> =>
  (await serverAuthority()).issueServerCertificate([SERVER_NAME], { days });

export async function createDoor(certificate: IssuedCertificate): Promise<void> {
  await Promise.all([
    putCertificate('tls', certificate),
    putCertificate('mtls', certificate),
    putClientCa([]),
  ]);
  const tls = (listener: Listener, more = {}) => ({ tls: { secretName: `door-${listener}`, ...more } });
  const spec = {
    listeners: [
      { name: 'basic', port: 9000, securityProfile: 1 },
      { name: 'tls', port: 9443, securityProfile: 2, ...tls('tls') },
      {
        name: 'mtls',
        port: 9444,
        securityProfile: 3,
        ...tls('mtls', { clientCaSecretName: 'door-clients' }),
      },
    ],
    authentication: { stations: { register: true } },
    proxy: {
      replicas: 2,
      admission: { connectionsPerSecond: BUDGET },
      podTemplate: { resources: RESOURCES },
      ...serviceType(),
    },
    redis: { embedded: { storage: { onDelete: 'Delete' } } },
  };
  await apply({ apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace }, spec });
  await condition(name, namespace, 'Available', 120);
}

const isByNode = () => process.env['E2E_ADDRESS'] === 'NodePort';
const serviceType = () => (isByNode() ? { service: { type: 'NodePort' } } : {});

interface Service {
  readonly spec: {
    readonly clusterIP: string;
    readonly ports: readonly { readonly name: string; readonly port: number; readonly nodePort?: number }[];
  };
}
interface Node {
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] };
}

/** Where stations connect, as stationUrl() has it for one listener. */
export async function doorUrls(): Promise<Readonly<Record<Listener, string>>> {
  const { clusterIP, ports = [] } =
    (await get<Service>('service', `${name}-ws-proxy`, namespace))?.spec ?? {};
  const [node] = isByNode() ? await list<Node>('nodes', namespace) : [];
  const host = node?.status.addresses.find(({ type }) => type === 'InternalIP')?.address ?? clusterIP;
  const urlOf = (listener: Listener) => {
    const found = ports.find((port) => port.name === listener);
    if (found === undefined) throw new Error(`the Service has no port ${listener}`);
    const scheme = listener === 'basic' ? 'ws' : 'wss';
    return [
      listener,
      `${scheme}://${host}:${node === undefined ? found.port : found.nodePort}/ocpp`,
    ] as const;
  };
  return Object.fromEntries(LISTENERS.map(urlOf)) as Record<Listener, string>;
}

/** Runs the stations program where a processor runs. */
export async function stationsProgram(args: readonly string[], input?: string): Promise<string> {
  const program = [
    'exec',
    '-i',
    `deploy/${name}-processor`,
    ...inCluster,
    '--',
    '/nodejs/bin/node',
    'stations.js',
  ];
  return (await kubectl([...program, ...args], input)).trim();
}

export interface ProxyPod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly uid: string };
}

export const PROXIES = `app.kubernetes.io/instance=${name},app.kubernetes.io/component=ws-proxy`;
export const proxyPods = () => list<ProxyPod>('pods', namespace, PROXIES);

interface Status {
  readonly security?: SecurityStatus;
  readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
}
const status = async (): Promise<Status> =>
  (await get<{ status?: Status }>('ocppcluster', name, namespace))?.status ?? {};
export const security = async (): Promise<SecurityStatus | undefined> => (await status()).security;
export const secured = async () => (await status()).conditions?.find(({ type }) => type === 'Secured');

const EXPIRY = new Set([METRIC.certificateExpiry]);

/** Whether each Pod uses files of these listeners that are valid for so many days. The status is updated every 30 s only. */
export async function isInUse(file: string, listeners: readonly Listener[], days: number): Promise<boolean> {
  const expected = Date.now() / 1000 + (days - 1) * 86_400;
  const texts = await Promise.all(
    (await proxyPods()).map(({ metadata }) => metricsOf(metadata.name, namespace)),
  );
  return texts.every((text) => {
    const all = readSeries(text, EXPIRY)[METRIC.certificateExpiry] ?? [];
    const of = all.filter(
      ({ labels }) => labels['what'] === file && listeners.some((one) => one === labels['listener']),
    );
    return of.length === listeners.length && of.every(({ value }) => value > expected);
  });
}

let looks = 0;
/**
 * Waits for what follows a change of a Secret or a ConfigMap. The kubelet renews mounted files once a minute or so, and whenever the
 * Pod changes: an annotation saves that time.
 */
export const untilMounted = <T>(what: string, probe: () => Promise<T>) =>
  until(what, 120, async () => {
    if (looks++ % 6 === 0) {
      const mark = `e2e.ocpp.dev/look=${looks}`;
      await kubectl(['annotate', 'pods', '-l', PROXIES, ...inCluster, '--overwrite', mark]);
    }
    return probe();
  });

/** Messages of the Events of the cluster, by reason. */
export async function eventsOf(reason: string): Promise<string> {
  const fields = `reason=${reason},involvedObject.kind=${KIND}`;
  const form = 'jsonpath={range .items[*]}{.message}{.note}{"\\n"}{end}';
  return kubectl(['get', 'events', ...inCluster, `--field-selector=${fields}`, '-o', form]);
}

/**
 * When the ws-proxies opened the session of each connected station; ms since 1970. Stations in one busy process notice it late, all at
 * once.
 */
export async function sessionTimes(): Promise<number[]> {
  const script =
    "local times = {} for _, id in ipairs(redis.call('SMEMBERS', 'ocpp:active')) do " +
    "times[#times + 1] = redis.call('HGET', 'ocpp:session:' .. id, 'connected_at') end return times";
  const times = JSON.parse(await redis(door, '--json', 'EVAL', script, '0')) as string[];
  return times.map((time) => Date.parse(time));
}
