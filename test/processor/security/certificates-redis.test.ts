/**
 * Certificates through the real programs: stations on sockets, Redis, and an authority behind HTTPS that fails, hangs and returns.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { serialNumberOf } from '../../../services/certificates/certificate-facts.ts';
import { ENV } from '../../../services/contract.ts';
import { PROTOCOLS, type Protocol } from '../../../services/ocpp/frame.ts';
import { serverCertificate, testAuthority } from '../../support/certificates.ts';
import { type Environment, startProgram } from '../../support/program.ts';
import { until } from '../../support/until.ts';
import { startWebhook, type WebhookReply, type WebhookRequest } from '../../support/webhook-server.ts';
import { hasher, openDoor } from '../../ws-proxy/access/door.ts';
import { ecKey, signingRequest } from './signing-request.ts';
import { socketStation } from './station.ts';

const PASSWORD = 'password-of-a-station';
const TOKEN = 'token-of-the-authority';

/** What a good authority answers. */
async function sign({ body }: WebhookRequest): Promise<WebhookReply> {
  const { csr, identity } = body as { csr: string; identity: string };
  const authority = await testAuthority();
  const subject = { commonName: identity, organization: 'ACME' };
  return { body: { certificateChain: await authority.sign({ csr, subject, usage: 'client', days: 30 }) } };
}

async function world(env: Environment = {}) {
  const files = await mkdtemp(join(tmpdir(), 'authority-'));
  const [tokenFile, caFile] = [join(files, 'token'), join(files, 'ca.crt')];
  await writeFile(tokenFile, TOKEN);
  await writeFile(caFile, (await testAuthority()).certificate);
  const webhook = await startWebhook(sign, await serverCertificate());
  const door = await openDoor(env, [1, 0]);
  const { commands: redis } = door;
  const processorEnv = {
    REDIS_ADDR: door.redis.addr,
    [ENV.certificateAuthority]: 'webhook',
    [ENV.certificateAuthorityUrl]: webhook.url,
    [ENV.certificateAuthorityTokenFile]: tokenFile,
    [ENV.certificateAuthorityCaFile]: caFile,
    [ENV.certificateOrganization]: 'ACME',
  };
  const events = async (type: string) => {
    const entries = await redis.xrange('ocpp:events', '-', '+');
    return entries.filter(([, texts]) => texts[texts.indexOf('type') + 1] === type).map(([, texts]) => texts);
  };
  const station = (stationId: string, protocol: Protocol, profile: 0 | 1 = 1) =>
    socketStation(
      `ws://${stationId}:${PASSWORD}@127.0.0.1:${door.ports.get(profile)}/ocpp`,
      stationId,
      protocol,
    );
  return {
    webhook,
    redis,
    events,
    processor: () => startProgram('processor', processorEnv),
    /** Not in the register; it presents a password on a listener of security profile 1, or connects to a plain one. */
    stranger: station,
    /** In the register; it connects with its password. */
    async station(stationId: string, protocol: Protocol, entry: object = {}) {
      await door.register(stationId, { password: hasher.hash(stationId, PASSWORD), ...entry });
      return station(stationId, protocol);
    },
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      await webhook[Symbol.asyncDispose]();
      await rm(files, { recursive: true });
    },
  };
}

test('a station of each version gets the certificate that it requested, and the register its serial number', async (t) => {
  await using w = await world();
  await using processor = await w.processor();
  const more: Readonly<Record<Protocol, object>> = {
    'ocpp1.6': {},
    'ocpp2.0.1': { certificateType: 'ChargingStationCertificate' },
    'ocpp2.1': { certificateType: 'ChargingStationCertificate', requestId: 5 },
  };
  for (const protocol of PROTOCOLS) {
    const stationId = `CP-${protocol}`;
    const former = { certificateSerial: '0A', vendor: 'ACME' };
    await using station = await w.station(stationId, protocol, former);
    await station.connect();
    const key = ecKey();
    const csr = await signingRequest(stationId, 'ACME', key);
    t.like(await station.ask('SignCertificate', { csr, ...more[protocol] }), { status: 'Accepted' });
    const { action, payload } = await until(() => station.calls[0], 'CertificateSigned');
    t.is(action, 'CertificateSigned');
    const { certificateChain, ...rest } = payload as { certificateChain: string };
    t.deepEqual(rest, more[protocol]);
    const leaf = new X509Certificate(certificateChain);
    t.true(leaf.publicKey.equals(key.publicKey));
    await until(
      async () => (await w.events('certificate-installed')).length > PROTOCOLS.indexOf(protocol),
      'the event',
    );
    const entry = JSON.parse((await w.redis.hget('ocpp:stations', stationId)) ?? '') as object;
    t.deepEqual(entry, {
      password: hasher.hash(stationId, PASSWORD),
      ...former,
      nextCertificateSerial: serialNumberOf(leaf),
    });
  }
  t.true(w.webhook.requests.every(({ authorization }) => authorization === `Bearer ${TOKEN}`));
  t.is(w.webhook.requests.length, PROTOCOLS.length);
  t.is(await w.redis.zcard('ocpp:certificate-requests'), 0);
  const { text } = await processor.ask('/metrics');
  t.regex(text, /ocpp_station_certificates_total\{result="installed"\} 3/);
  t.regex(text, /ocpp_webhook_open\{webhook="certificate-authority"\} 0/);
  t.notRegex(processor.log, /BEGIN CERTIFICATE|token-of-the-authority/);
});

test('an authority that is away loses no request: the station gets its certificate after it has returned, and reconnected', async (t) => {
  await using w = await world();
  await using processor = await w.processor();
  w.webhook.answer = () => ({ status: 503 });
  await using station = await w.station('CP-1', 'ocpp2.0.1');
  await station.connect();
  const csr = await signingRequest('CP-1');
  t.like(await station.ask('SignCertificate', { csr }), { status: 'Accepted' });
  await until(() => w.webhook.requests.length >= 2, 'a second attempt');
  await station.disconnect();
  w.webhook.answer = sign;
  await until(
    async () => (await processor.ask('/metrics')).text.includes('result="signed"} 1'),
    'the signature',
  );
  t.is((await w.events('certificate-failed')).length, 1, 'one event, however often it is tried');
  await station.connect();
  // What waited for the station is sent once a message of the new connection is answered.
  await station.ask('Heartbeat', {});
  await until(() => station.calls[0], 'CertificateSigned');
  await until(async () => (await w.events('certificate-installed')).length, 'the event');
  t.is(station.calls.length, 1);
});

test('an authority refuses a request, and a station a certificate: an event each, and no serial number stays', async (t) => {
  await using w = await world();
  await using processor = await w.processor();
  await using station = await w.station('CP-1', 'ocpp1.6', { certificateSerial: '0A' });
  const before = await w.redis.hget('ocpp:stations', 'CP-1');
  await station.connect();
  station.answer = () => ({ status: 'Rejected' });
  t.like(await station.ask('SignCertificate', { csr: await signingRequest('CP-1') }), { status: 'Accepted' });
  await until(async () => (await w.events('certificate-refused')).length, 'the event');
  t.is(await w.redis.hget('ocpp:stations', 'CP-1'), before);
  w.webhook.answer = () => ({ status: 422, body: { why: 'unknown station' } });
  await using other = await w.station('CP-2', 'ocpp1.6');
  await other.connect();
  t.like(await other.ask('SignCertificate', { csr: await signingRequest('CP-2') }), { status: 'Accepted' });
  await until(async () => (await w.events('certificate-refused')).length === 2, 'the second event');
  t.is(other.calls.length, 0);
  t.is(await w.redis.zcard('ocpp:certificate-requests'), 0);
  t.false(processor.ended);
});

test('a processor that is killed while the authority works is replaced by another one, and one certificate is sent', async (t) => {
  await using w = await world();
  await using first = await w.processor();
  w.webhook.answer = () => undefined;
  await using station = await w.station('CP-1', 'ocpp2.1');
  await station.connect();
  const csr = await signingRequest('CP-1');
  t.like(await station.ask('SignCertificate', { csr }), { status: 'Accepted' });
  await until(() => w.webhook.requests.length === 1, 'a request to the authority');
  await first.kill('SIGKILL');
  w.webhook.answer = sign;
  await using second = await w.processor();
  await until(() => station.calls[0], 'CertificateSigned', 60_000);
  await until(async () => (await w.events('certificate-installed')).length, 'the event');
  t.is(station.calls.length, 1);
  const [one, two, ...others] = w.webhook.requests.map(({ body }) => body['requestKey']);
  t.is(one, two, 'the authority can see that it is the same request');
  t.deepEqual(others, []);
  t.false(second.ended);
});

for (const [what, profile, env] of [
  ['that a policy accepts as unknown', 1, { OCPP_UNKNOWN_STATIONS: 'Accept' }],
  ['on a plain listener', 0, { OCPP_UNKNOWN_STATIONS: 'Accept' }],
  ['that mode Report accepts', 1, { OCPP_AUTHENTICATION_MODE: 'Report' }],
  ['whose first password was stored', 1, { OCPP_AUTHENTICATION_MODE: 'Report', OCPP_ENROLMENT: 'FirstSeen' }],
] as const) {
  test(`a station ${what} has proved nothing, and gets no certificate`, async (t) => {
    await using w = await world(env);
    await using _processor = await w.processor();
    await using station = w.stranger('CP-9', 'ocpp2.0.1', profile);
    await station.connect();
    const csr = await signingRequest('CP-9');
    t.like(await station.ask('SignCertificate', { csr }), {
      status: 'Rejected',
      statusInfo: { reasonCode: 'NotEnabled' },
    });
    const [event] = await w.events('certificate-refused');
    t.regex(event?.join(' ') ?? '', /has not proved who it is/);
    t.is(await w.redis.exists('ocpp:certificate-request:CP-9'), 0);
    t.is(w.webhook.requests.length, 0);
  });
}

test('mode Report tells stations with a right password from those with a wrong one', async (t) => {
  await using w = await world({ OCPP_AUTHENTICATION_MODE: 'Report' });
  await using _processor = await w.processor();
  await using good = await w.station('CP-1', 'ocpp2.0.1');
  await using wrong = await w.station('CP-2', 'ocpp2.0.1', {
    password: hasher.hash('CP-2', 'another-password'),
  });
  const statuses: unknown[] = [];
  for (const [station, identity] of [
    [good, 'CP-1'],
    [wrong, 'CP-2'],
  ] as const) {
    await station.connect();
    const { status } = await station.ask('SignCertificate', { csr: await signingRequest(identity) });
    statuses.push(status);
  }
  t.deepEqual(statuses, ['Accepted', 'Rejected']);
});
