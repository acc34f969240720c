/** The providers of the processor program: from its environment, and asked by it. */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { createAuthority } from '../../../services/certificates/authority.ts';
import { ENV, METRIC, PATH } from '../../../services/contract.ts';
import { processorSettings } from '../../../services/processor/config.ts';
import { createProviders } from '../../../services/processor/providers.ts';
import { ConfigError, loadConfig } from '../../../services/runtime/config.ts';
import { certificateFolder, testAuthority, tlsFiles } from '../../support/certificates.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { startWebhook } from '../../support/webhook-server.ts';
import { socketStation } from './station.ts';

const clock = { now: Date.now };
const providersOf = (env: Readonly<Record<string, string>>) =>
  createProviders(loadConfig('processor', processorSettings, env, []), 25_000, clock);

test('without settings there is no provider; each kind of authority, and the contract provider, have their own', (t) => {
  using none = providersOf({});
  t.deepEqual([none.certificates, none.contracts, none.webhooks.size], [undefined, undefined, 0]);
  using internal = providersOf({
    [ENV.certificateAuthority]: 'internal',
    [ENV.certificateAuthorityFolder]: '/ca',
  });
  t.deepEqual([typeof internal.certificates, internal.webhooks.size], ['object', 0]);
  using both = providersOf({
    [ENV.certificateAuthority]: 'webhook',
    [ENV.certificateAuthorityUrl]: 'https://ca.example/sign',
    [ENV.contractProviderUrl]: 'http://contracts.example',
  });
  t.deepEqual([...both.webhooks.keys()], ['certificate-authority', 'contract-provider']);
  t.truthy(both.contracts);
});

const WRONG: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
  [{ [ENV.certificateAuthority]: 'internal' }, /OCPP_CERTIFICATE_AUTHORITY_FOLDER: .*tls.crt and tls.key/],
  [{ [ENV.certificateAuthority]: 'webhook' }, /OCPP_CERTIFICATE_AUTHORITY_URL: must be an http or https URL/],
  [{ [ENV.contractProviderUrl]: 'ftp://user:secret@x' }, /OCPP_CONTRACT_PROVIDER_URL: must be an http/],
  [{ [ENV.certificateAuthority]: 'other' }, /OCPP_CERTIFICATE_AUTHORITY: must be one of/],
  [{ [ENV.stationCertificateDays]: '0' }, /OCPP_STATION_CERTIFICATE_DAYS: must be a whole number/],
];

for (const [index, [env, message]] of WRONG.entries()) {
  test(`a setting that cannot be right stops the program, and is named without its secrets (${index})`, (t) => {
    const error = t.throws(() => providersOf(env), { instanceOf: ConfigError, message });
    t.false(error?.message.includes('secret'));
  });
}

test('a processor with an internal authority exports when its certificate expires, and follows a renewed Secret', async (t) => {
  await using server = await startRedis();
  const authority = await testAuthority();
  await using folder = await certificateFolder(tlsFiles(authority));
  await using none = await startProgram('processor', { REDIS_ADDR: server.addr });
  await using processor = await startProgram('processor', {
    REDIS_ADDR: server.addr,
    [ENV.certificateAuthority]: 'internal',
    [ENV.certificateAuthorityFolder]: folder.path,
  });
  const expiryOf = async (program: typeof none) =>
    new RegExp(`^${METRIC.authorityExpiry} (.*)$`, 'm').exec((await program.ask(PATH.metrics)).text)?.[1];
  const seconds = (pem: string) => String(Date.parse(new X509Certificate(pem).validTo) / 1000);
  t.is(await expiryOf(none), undefined);
  t.is(await expiryOf(processor), seconds(authority.certificate));
  const renewed = await createAuthority('Test CA', { days: 20 });
  await folder.replace(tlsFiles(renewed));
  t.is(await expiryOf(processor), seconds(renewed.certificate));
  await folder.replace({ 'tls.crt': 'no certificate', 'tls.key': renewed.key });
  t.is(await expiryOf(processor), undefined, 'what cannot be read is absent');
});

test('a contract certificate charges while the provider accepts it, and not when the provider is down', async (t) => {
  await using webhook = await startWebhook(() => ({ body: { certificateStatus: 'Accepted' } }));
  await using server = await startRedis();
  const env = { REDIS_ADDR: server.addr };
  await using proxy = await startProgram('ws-proxy', env);
  await using processor = await startProgram('processor', {
    ...env,
    [ENV.contractProviderUrl]: webhook.url,
    [ENV.unknownTokens]: 'Accept',
  });
  const hash = { hashAlgorithm: 'SHA256', issuerNameHash: 'a', issuerKeyHash: 'b', serialNumber: '0A' };
  const request = {
    idToken: { idToken: 'EMAID-1', type: 'eMAID' },
    iso15118CertificateHashData: [{ ...hash, responderURL: 'http://ocsp.example' }],
  };
  for (const protocol of ['ocpp2.0.1', 'ocpp2.1'] as const) {
    await using station = socketStation(proxy.url, `CP-${protocol}`, protocol);
    await station.connect();
    t.like(await station.ask('Authorize', request), {
      idTokenInfo: { status: 'Accepted' },
      certificateStatus: 'Accepted',
    });
  }
  await webhook[Symbol.asyncDispose]();
  await using station = socketStation(proxy.url, 'CP-3', 'ocpp2.1');
  await station.connect();
  for (let n = 0; n < 6; n++) {
    t.like(await station.ask('Authorize', request), { idTokenInfo: { status: 'Invalid' } });
  }
  const { text } = await processor.ask('/metrics');
  t.regex(text, /ocpp_webhook_open\{webhook="contract-provider"\} 1/);
});
