/** The rendered embedded Redis, run by the local redis-server: its command, its probes, its password. */
import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { V1Container, V1PodTemplateSpec } from '@kubernetes/client-node';
import test from 'ava';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { renderObjects } from '../../../operator/render/objects.ts';
import { RENDER_REVISION } from '../../../operator/render/revision.ts';
import { createAuthority } from '../../../services/certificates/authority.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';

function redisContainer(
  how: 'with a password' | 'without one, as release 0.1.0 made it',
  spec: OcppClusterSpec = {},
): V1Container {
  const cluster = {
    spec,
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
    await until(() => redis.probe('readinessProbe'), 'Redis is ready');
    t.deepEqual(await redis.probes(), [true, true]);
    t.is(await redis.ask(''), guarded ? 'NOAUTH Authentication required.' : 'PONG');
    if (guarded) t.is(await redis.ask(PASSWORD), 'PONG');
    t.false(
      readFileSync(`/proc/${redis.pid}/cmdline`, 'utf8').includes(PASSWORD),
      'the password is in no argument',
    );
    redis.stop();
    await until(async () => !(await redis.probe('readinessProbe')), 'Redis is gone');
    t.deepEqual(await redis.probes(), [false, !guarded], 'the old TCP probe is not run here');
  });
}

test('a password is rotated without a restart: the new one works within seconds, the old one for a while', async (t) => {
  await using redis = await startRendered(redisContainer('with a password'), { OLD_PASSWORD_SECONDS: '4' });
  await until(async () => (await redis.ask(PASSWORD)) === 'PONG', 'Redis is up');
  redis.changePassword('second');
  const changedAt = Date.now();
  while ((await redis.ask('second')) !== 'PONG') {
    t.is(await redis.ask(PASSWORD), 'PONG', 'a client with the old file gets in');
    t.true(Date.now() - changedAt < 5000, 'the new password takes effect within seconds');
  }
  t.is(await redis.ask(PASSWORD), 'PONG', 'both are accepted');
  t.deepEqual(await redis.probes(), [true, true]);
  await until(async () => (await redis.ask(PASSWORD)).startsWith('AUTH failed'), 'the old one has ended');
  t.true(Date.now() - changedAt >= 3000, 'not before its time, which is counted in whole seconds');
  t.is(await redis.ask('second'), 'PONG');
  t.true(redis.running(), 'Redis was not restarted');
  t.false(redis.log().includes('second') || redis.log().includes(PASSWORD), 'no password is in the log');
});

test('a restart during the rotation keeps both passwords, also one that changed while Redis was down', async (t) => {
  await using redis = await startRendered(redisContainer('with a password'));
  await until(async () => (await redis.ask(PASSWORD)) === 'PONG', 'Redis is up');
  await redis.restart(() => redis.changePassword('second'));
  await until(async () => (await redis.ask('second')) === 'PONG', 'Redis is up again');
  t.is(await redis.ask(PASSWORD), 'PONG');
  redis.changePassword('third');
  await until(async () => (await redis.ask('third')) === 'PONG', 'the third is accepted');
  await redis.restart();
  await until(async () => (await redis.ask('third')) === 'PONG', 'Redis is up again');
  t.is(await redis.ask('second'), 'PONG');
  t.is(await redis.ask(PASSWORD), 'PONG');
  redis.changePassword('fourth');
  await until(async () => (await redis.ask('fourth')) === 'PONG', 'the fourth is accepted');
  redis.changePassword('fifth');
  await until(async () => (await redis.ask('fifth')) === 'PONG', 'the fifth is accepted');
  t.not(await redis.ask(PASSWORD), 'PONG', 'three former ones are kept');
  t.is(await redis.ask('second'), 'PONG');
});

test('a damaged list of former passwords does not keep Redis from starting', async (t) => {
  await using redis = await startRendered(redisContainer('with a password'));
  await until(async () => (await redis.ask(PASSWORD)) === 'PONG', 'Redis is up');
  await redis.restart(() => redis.write('passwords', 'x\nabc -\n\n'));
  await until(async () => (await redis.ask(PASSWORD)) === 'PONG', 'Redis is up again');
  t.pass();
});

for (const how of ['with a password', 'without one, as release 0.1.0 made it'] as const) {
  test(`before its end Redis waits while all proxies leave, and a moment when it stops alone, ${how}`, async (t) => {
    await using redis = await startRendered(redisContainer(how));
    await until(() => redis.probe('readinessProbe'), 'Redis is up');
    const timed = async () => {
      const begin = Date.now();
      t.true(await redis.preStop());
      return Date.now() - begin;
    };
    const alone = await timed();
    t.true(alone >= 5000 && alone < 9000, `${alone} ms`);
    await redis.command('SET', 'ocpp:ending', '1', 'PX', '7000');
    const together = await timed();
    t.true(together >= 6000 && together < 11_000, `${together} ms`);
    redis.stop();
    await until(async () => !(await redis.probe('readinessProbe')), 'Redis is gone');
    t.true((await timed()) < 2000, 'a Redis that is gone serves no station');
  });
}

/** The certificate that Redis presents, and whether it answers a client that trusts only this authority. */
async function presented(port: number, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate()?.serialNumber ?? '';
  } finally {
    socket.destroy();
  }
}

for (const how of ['with a password', 'without one, as release 0.1.0 made it'] as const) {
  test(`Redis with TLS has no other port, and answers the very probes, ${how}`, async (t) => {
    const authority = await createAuthority('Redis CA');
    const { certificate, key } = await authority.issueServerCertificate(['localhost']);
    const container = redisContainer(how, { redis: { embedded: { tls: { secretName: 's' } } } });
    await using redis = await startRendered(container, {}, { 'tls.crt': certificate, 'tls.key': key });
    await until(() => redis.probe('readinessProbe'), 'Redis is ready');
    t.true(await redis.probe('readinessProbe'));
    if (how === 'with a password') t.true(await redis.probe('livenessProbe'));
    t.not(await redis.ask(PASSWORD), 'PONG', 'without TLS');
    t.is(await presented(redis.port, authority.certificate), new X509Certificate(certificate).serialNumber);
    const stranger = await createAuthority('Other CA');
    await t.throwsAsync(presented(redis.port, stranger.certificate), {
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    t.true(await redis.preStop());
  });
}

test('Redis takes a changed certificate without a restart, and keeps its own when the changed one is not usable', async (t) => {
  const authority = await createAuthority('Redis CA');
  const [first, second] = [
    await authority.issueServerCertificate(['localhost']),
    await authority.issueServerCertificate(['localhost']),
  ];
  const serial = ({ certificate }: typeof first) => new X509Certificate(certificate).serialNumber;
  const container = redisContainer('with a password', { redis: { embedded: { tls: { secretName: 's' } } } });
  const files = { 'tls.crt': first.certificate, 'tls.key': first.key };
  await using redis = await startRendered(container, {}, files);
  await until(() => redis.probe('readinessProbe'), 'Redis is ready');
  const current = () => presented(redis.port, authority.certificate);
  t.is(await current(), serial(first));
  redis.write('tls.crt', 'no certificate');
  await until(() => Promise.resolve(/it refuses the changed one/.test(redis.log())), 'the complaint');
  t.is(await current(), serial(first));
  redis.write('tls.crt', second.certificate);
  redis.write('tls.key', second.key);
  await until(async () => (await current()) === serial(second), 'the changed certificate');
  redis.changePassword('next');
  await until(() => redis.probe('livenessProbe'), 'the changed password');
  t.true(redis.running(), 'Redis was not restarted');
});

/** Passwords that a user may put into their own Secret. */
const PASSWORD = `q"u\\o te'$(x)\`y\``;

/** The command of the container, as the kubelet would start it, in a local folder. */
async function startRendered(
  container: V1Container,
  more: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-render-'));
  const port = await freePort();
  const env = { POD_IP: '127.0.0.1', REDIS_PORT: String(port), REDIS_DATA: folder, ...more };
  const here = (text: string) =>
    text
      .replaceAll(/\/etc\/ocpp\/redis-(login|tls)/g, folder)
      .replaceAll(/\$\((POD_IP|REDIS_DATA)\)/g, (_, name: 'POD_IP' | 'REDIS_DATA') => env[name])
      // As the kubelet does.
      .replaceAll('$$', '$')
      .replace(/^6379$/, String(port));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const changePassword = (text: string) => write('password', text);
  changePassword(PASSWORD);
  for (const [name, content] of Object.entries(files)) write(name, content);
  const [file = '', ...args] = [...(container.command ?? []), ...(container.args ?? [])].map(here);
  let log = '';
  const start = () => {
    const started = spawn(file, args, { env: { ...env, PATH: process.env['PATH'] } });
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (data) => (log += String(data)));
    return started;
  };
  let child = start();
  const running = () => child.exitCode === null && child.signalCode === null;
  const client = ['-h', env.POD_IP, '-p', env.REDIS_PORT, '--no-auth-warning', 'ping'];
  const stop = () => void child.kill('SIGTERM');
  const end = async () => {
    const ended = once(child, 'exit');
    stop();
    await ended;
  };
  const probe = (name: 'readinessProbe' | 'livenessProbe') =>
    runs(container[name]?.exec?.command?.map(here) ?? ['true'], env);
  return {
    write,
    port,
    changePassword,
    probe,
    probes: async () => [await probe('readinessProbe'), await probe('livenessProbe')],
    preStop: () => runs((container.lifecycle?.preStop?.exec?.command ?? ['false']).map(here), env),
    command: (...words: readonly string[]) =>
      runs(['redis-cli', '-h', env.POD_IP, '-p', env.REDIS_PORT, ...words], {
        ...env,
        REDISCLI_AUTH: container.command?.[0] === 'sh' ? PASSWORD : '',
      }),
    pid: child.pid,
    stop,
    running,
    log: () => log,
    async restart(meanwhile: () => void = () => undefined) {
      await end();
      meanwhile();
      child = start();
    },
    ask: (password: string) =>
      new Promise<string>((resolve) => {
        const auth = password === '' ? {} : { REDISCLI_AUTH: password };
        execFile('redis-cli', client, { env: { ...auth, PATH: process.env['PATH'] } }, (_, stdout, stderr) =>
          resolve((stderr || stdout).trim()),
        );
      }),
    async [Symbol.asyncDispose]() {
      if (running()) await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function runs([file = '', ...args]: readonly string[], env: Record<string, string>): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, args, { env: { ...env, PATH: process.env['PATH'] } }, (error) => resolve(error === null));
  });
}
