/** The rendered embedded Redis, run by the local redis-server: its command, its probes, its password. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Container, V1PodTemplateSpec } from '@kubernetes/client-node';
import test from 'ava';
import { renderObjects } from '../../../operator/render/objects.ts';
import { RENDER_REVISION } from '../../../operator/render/revision.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';

function redisContainer(how: 'with a password' | 'without one, as release 0.1.0 made it'): V1Container {
  const cluster = {
    apiVersion: 'ocpp.dev/v1alpha1',
    kind: 'OcppCluster',
    metadata: { name: 'city', namespace: 'default', uid: '7c1b2a90-6a1c-4f0e-8e0f-2f3a4b5c6d7e' },
  };
  const objects = renderObjects(cluster, {
    image: 'ocpp:1',
    redisImage: 'redis:7',
    processorReplicas: 1,
    renderRevision: RENDER_REVISION,
    ...(how === 'with a password' && { redisPasswordSecret: 'city-redis-7c1b2a90' }),
  });
  const set = objects.find(({ kind }) => kind === 'StatefulSet') as
    | { spec?: { template: V1PodTemplateSpec } }
    | undefined;
  const [container] = set?.spec?.template.spec?.containers ?? [];
  if (container === undefined) throw new Error('no StatefulSet');
  return container;
}

for (const how of ['with a password', 'without one, as release 0.1.0 made it'] as const) {
  test(`a real Redis runs by the very command and answers the very probes, ${how}`, async (t) => {
    const container = redisContainer(how);
    const guarded = container.command?.[0] === 'sh';
    await using redis = await startRendered(container);
    const probe = (name: 'readinessProbe' | 'livenessProbe') =>
      runs(container[name]?.exec?.command?.map(redis.here) ?? ['true'], redis.env);
    const both = async () => [await probe('readinessProbe'), await probe('livenessProbe')];
    await until(() => probe('readinessProbe'), 'Redis is ready');
    t.deepEqual(await both(), [true, true]);
    t.is(await redis.ask(''), guarded ? 'NOAUTH Authentication required.' : 'PONG');
    t.is(await redis.ask(PASSWORD), 'PONG');
    t.false(
      readFileSync(`/proc/${redis.pid}/cmdline`, 'utf8').includes(PASSWORD),
      'the password is in no argument',
    );
    if (guarded) {
      redis.changePassword('another');
      t.deepEqual(await both(), [true, false], 'still ready, and due for a restart');
      redis.changePassword(PASSWORD);
    }
    redis.stop();
    await until(async () => !(await probe('readinessProbe')), 'Redis is gone');
    t.deepEqual(await both(), [false, !guarded], 'the old TCP probe is not run here');
  });
}

/** Passwords that a user may put into their own Secret. */
const PASSWORD = `q"u\\o te'$(x)\`y\``;

/** The command of the container, as the kubelet would start it, in a local folder. */
async function startRendered(container: V1Container) {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-render-'));
  const port = await freePort();
  const env = { POD_IP: '127.0.0.1', REDIS_PORT: String(port), REDIS_DATA: folder };
  const here = (text: string) =>
    text
      .replaceAll('/etc/ocpp/redis-login', folder)
      .replaceAll(/\$\((POD_IP|REDIS_DATA)\)/g, (_, name: keyof typeof env) => env[name])
      .replace(/^6379$/, String(port));
  const changePassword = (text: string) => writeFileSync(join(folder, 'password'), text);
  changePassword(PASSWORD);
  const [file = '', ...args] = [...(container.command ?? []), ...(container.args ?? [])].map(here);
  const child = spawn(file, args, { env: { ...env, PATH: process.env['PATH'] }, stdio: 'ignore' });
  const client = ['-h', env.POD_IP, '-p', env.REDIS_PORT, '--no-auth-warning', 'ping'];
  const stop = () => void child.kill('SIGTERM');
  return {
    env,
    here,
    changePassword,
    pid: child.pid,
    stop,
    ask: (password: string) =>
      new Promise<string>((resolve) => {
        const auth = password === '' ? {} : { REDISCLI_AUTH: password };
        execFile('redis-cli', client, { env: { ...auth, PATH: process.env['PATH'] } }, (_, stdout) =>
          resolve(stdout.trim()),
        );
      }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) {
        stop();
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function runs([file = '', ...args]: readonly string[], env: Record<string, string>): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, args, { env: { ...env, PATH: process.env['PATH'] } }, (error) => resolve(error === null));
  });
}
