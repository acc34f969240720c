/**
 * The runtime of `npm start` on real child processes: small Node programs and a real redis-server take the place of the
 * images. Objects go into the store as the operator would put them there.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { type Container, type Deployment, isReady, type Pod } from '../../../operator/local/kinds.ts';
import { startGuard } from '../../../operator/local/kubelet/guard.ts';
import { LocalRuntime } from '../../../operator/local/kubelet/runtime.ts';
import { Addresses } from '../../../operator/local/network/addresses.ts';
import { findProgram } from '../../../operator/local/programs.ts';
import { DEPLOYMENTS, PODS } from '../../../operator/render/resources.ts';
import { ENV } from '../../../services/contract.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { until } from '../../support/until.ts';

export const NAMESPACE = 'here';
export const PATH = '/usr/local/bin:/usr/bin:/bin';

/** Answers its version on its port, 200 on /readyz unless told otherwise by /unready, and dies on /die. */
const SERVER = `
  const { createServer } = require('node:http');
  let ready = true;
  const server = createServer((request, response) => {
    if (request.url === '/die') process.exit(3);
    if (request.url === '/unready') ready = false;
    response.statusCode = request.url === '/readyz' && !ready ? 503 : 200;
    response.end(JSON.stringify({ name: process.env.POD_NAME, version: process.argv[1], pid: process.pid, peer: process.env.${ENV.redisAddr}, own: process.env.OWN }));
  });
  server.listen(Number(process.env.${ENV.adminPort}), process.env.POD_IP);
  process.on('SIGTERM', () => { if (process.argv[1] !== 'stubborn') process.exit(0); });
`;

interface Answer {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  /** As the variable with addresses of Services has it. */
  readonly peer?: string;
  /** A variable of the user's. */
  readonly own?: string;
}

interface Rig extends AsyncDisposable {
  readonly store: MemoryObjectStore;
  readonly folder: string;
  readonly problems: string[];
  stop(): Promise<void>;
  pods(): Promise<readonly Pod[]>;
  ready(count: number): Promise<readonly Pod[]>;
}

export async function rig(options: { separate?: boolean } = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'local-test-'));
  const store = new MemoryObjectStore({ clock: systemClock, newUid: randomUUID });
  const guard = startGuard(folder);
  const problems: string[] = [];
  const runtime = new LocalRuntime({
    store: store.as('local-runtime'),
    addresses: await Addresses.open(options.separate),
    guard,
    folder,
    claims: join(folder, 'claims'),
    outside: (service) => (service.metadata.name === 'web' ? 'same' : undefined),
    programs: {
      env: { PATH },
      program({ image, command = [], args = [] }: Container) {
        if (image === 'node') return { file: process.execPath, args };
        const file = findProgram(command[0] ?? '', PATH);
        return file === undefined || image !== 'redis:7'
          ? undefined
          : { file, args: [...command.slice(1), ...args] };
      },
    },
    onLine: () => undefined,
    onWarning: (pod, message) => void problems.push(`${pod.metadata.name} ${message}`),
    onProblem: (object, message) => void problems.push(`${object.metadata.name} ${message}`),
  });
  const pods = async () => (await store.list(PODS)).items as readonly Pod[];
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= runtime.stop(() => 0, 5000));
  return {
    store,
    folder,
    problems,
    stop,
    pods,
    async ready(count) {
      const enough = async () => (await pods()).filter(isReady).length === count;
      await until(enough, `${count} ready Pods; ${problems.join('; ')}`);
      return pods();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await guard[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

export function deployment(port: number, version: string, replicas: number, more: object = {}): Deployment {
  const labels = { app: 'web' };
  const container = {
    name: 'web',
    image: 'node',
    args: ['-e', SERVER, version],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: ENV.adminPort, value: '8123' },
      { name: ENV.redisAddr, value: `web.here.svc:${port}` },
      { name: 'OWN', value: `web.here.svc:${port}` },
    ],
    ports: [{ name: 'http', containerPort: 8123 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
    securityContext: { readOnlyRootFilesystem: true },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels },
        spec: { containers: [container], terminationGracePeriodSeconds: 2, ...more },
      },
    },
  };
}

export const service = (port: number): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: { type: 'ClusterIP', selector: { app: 'web' }, ports: [{ port, targetPort: 'http' }] },
  }) as KubeObject;

export async function ask(port: number, path = '/', host?: string): Promise<Answer> {
  const response = await fetch(`http://${host ?? '127.0.0.1'}:${port}${path}`, {
    headers: { connection: 'close' },
  });
  return (await response.json()) as Answer;
}

export const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

export const versionOf = (pod: Pod) => pod.spec.containers[0]?.args?.[2];
export const ref = (name: string) => ({ resource: DEPLOYMENTS, name, namespace: NAMESPACE });

export const redisService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'redis', namespace: NAMESPACE },
  spec: { type: 'ClusterIP', selector: { app: 'redis' }, ports: [{ port: 6379, targetPort: 'redis' }] },
} as KubeObject;

export function redis(appendFsync: string): KubeObject {
  const settings = {
    bind: '$(POD_IP)',
    port: '$(REDIS_PORT)',
    dir: '/data',
    save: '',
    appendonly: 'yes',
    appendfsync: appendFsync,
  };
  const container: Container = {
    name: 'redis',
    image: 'redis:7',
    command: ['redis-server'],
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'REDIS_PORT', value: '6379' },
    ],
    ports: [{ name: 'redis', containerPort: 6379 }],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
    readinessProbe: {
      exec: { command: ['sh', '-c', 'test "$(redis-cli -h "$POD_IP" -p "$REDIS_PORT" ping)" = PONG'] },
    },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'redis', namespace: NAMESPACE },
    spec: {
      replicas: 1,
      serviceName: 'redis',
      selector: { matchLabels: { app: 'redis' } },
      template: { metadata: { labels: { app: 'redis' } }, spec: { containers: [container] } },
      volumeClaimTemplates: [{ metadata: { name: 'data' } }],
    },
  } as KubeObject;
}

/** One command to Redis, its answer on one line. */
export async function command(host: string, port: number, text: string): Promise<string> {
  const socket = connect({ host, port });
  socket.end(`${text}\r\nQUIT\r\n`);
  const parts: string[] = [];
  for await (const chunk of socket) parts.push(String(chunk));
  return parts
    .join('')
    .replace(/\+OK\r\n$/, '')
    .trim()
    .replaceAll('\r\n', ' ');
}
