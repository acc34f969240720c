/** ISO 15118: what stations get from a provider behind a webhook, and that nothing unchecked charges. */
import test from 'ava';
import { webhookContracts } from '../../../services/csms/credentials/webhook-providers.ts';
import { validateResponse } from '../../../services/ocpp/schema.ts';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { Webhook } from '../../../services/runtime/webhook.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { startWebhook, type WebhookReply } from '../../support/webhook-server.ts';
import { call, later, listed, resultOf } from '../stations.ts';

const hashes = {
  hashAlgorithm: 'SHA256',
  issuerNameHash: 'aa',
  issuerKeyHash: 'bb',
  serialNumber: '0A',
};
const ocspRequestData = { ...hashes, responderURL: 'http://ocsp.example' };
const ev = { iso15118SchemaVersion: 'urn:iso:15118:2:2013:MsgDef', action: 'Install', exiRequest: 'AAAA' };
const chain = {
  certificateStatusRequests: [
    { certificateHashData: hashes, source: 'OCSP', urls: ['http://ocsp.example'] },
    { certificateHashData: { ...hashes, serialNumber: '0B' }, source: 'CRL', urls: ['http://crl.example'] },
  ],
};
const nextUpdate = '2026-12-01T00:00:00Z';

async function asked(
  protocol: Protocol,
  action: string,
  payload: object,
  reply: WebhookReply,
  given: { tokens?: object; timeoutMs?: number } = {},
) {
  await using server = await startWebhook(() => reply);
  const breaker = { failures: 5, pauseMs: 30_000 };
  const { timeoutMs = 5000, tokens } = given;
  using webhook = new Webhook({ url: server.url, timeoutMs, breaker, clock: { now: Date.now } });
  const log = memoryLog();
  const providers = { contracts: webhookContracts(webhook) };
  const records = tokens === undefined ? {} : listed('EMAID-1', tokens);
  const outcome = await call(protocol, action, payload, {
    providers,
    log,
    records,
    unknownTokens: 'Reject',
  });
  const response = resultOf(outcome);
  const fault = validateResponse(protocol, action, response);
  if (fault !== undefined) throw new Error(`${action} is answered badly: ${fault.description}`);
  return { response, outcome, warnings: log.lines.filter(({ level }) => level === 'warn'), server };
}

for (const protocol of later) {
  test(`${protocol}: an OCSP response of the provider reaches the station`, async (t) => {
    const reply = { body: { ocspResult: 'MII=' } };
    const { response, server } = await asked(protocol, 'GetCertificateStatus', { ocspRequestData }, reply);
    t.deepEqual(response, { status: 'Accepted', ocspResult: 'MII=' });
    const body = { operation: 'certificate-status', identity: 'CP-1', ocspRequestData };
    t.deepEqual(server.requests[0]?.body, body);
  });

  test(`${protocol}: the certificate of a vehicle reaches the station`, async (t) => {
    const reply = { body: { status: 'Accepted', exiResponse: 'BBBB', remainingContracts: 1, other: 1 } };
    const { response, server } = await asked(protocol, 'Get15118EVCertificate', ev, reply);
    const more = protocol === 'ocpp2.1' ? { remainingContracts: 1 } : {};
    t.deepEqual(response, { status: 'Accepted', exiResponse: 'BBBB', ...more });
    t.like(server.requests[0]?.body, {
      operation: 'ev-certificate',
      identity: 'CP-1',
      schemaVersion: ev.iso15118SchemaVersion,
      action: 'Install',
      exiRequest: 'AAAA',
    });
  });
}

const chainStatus = (first: object, second: object) => ({ certificateStatus: [first, second] });

test('2.1: each certificate of a chain gets its status, with the data of the request', async (t) => {
  const reply = { body: chainStatus({ status: 'Good', nextUpdate }, { status: 'Revoked', nextUpdate }) };
  const { response } = await asked('ocpp2.1', 'GetCertificateChainStatus', chain, reply);
  const statuses = response['certificateStatus'] as Record<string, unknown>[];
  t.like(statuses[0], { status: 'Good', source: 'OCSP', certificateHashData: hashes });
  t.like(statuses[1], { status: 'Revoked', source: 'CRL', nextUpdate });
});

const BAD: readonly (readonly [string, WebhookReply])[] = [
  ['fails', { status: 500 }],
  ['refuses the request', { status: 404, body: {} }],
  ['does not answer in time', undefined],
  ['answers no object', { body: '[]' }],
  ['answers nothing of use', { body: {} }],
  [
    'answers what the schema does not allow',
    {
      body: {
        ocspResult: 'x'.repeat(20_000),
        status: 'Perhaps',
        exiResponse: 'A',
        certificateStatus: [{ status: 'Fine', nextUpdate }, {}],
      },
    },
  ],
];

for (const [what, reply] of BAD) {
  test(`a provider that ${what}: the request is Failed`, async (t) => {
    const timeoutMs = reply === undefined ? 100 : 5000;
    const failed = (action: string, payload: object, protocol: Protocol = 'ocpp2.0.1') =>
      asked(protocol, action, payload, reply, { timeoutMs });
    const info = { statusInfo: { reasonCode: 'InternalError' } };
    const status = await failed('GetCertificateStatus', { ocspRequestData });
    t.like(status.response, { status: 'Failed', ...info });
    const vehicle = await failed('Get15118EVCertificate', ev);
    t.like(vehicle.response, { status: 'Failed', exiResponse: '', ...info });
    t.is(vehicle.warnings.length, 1, 'the log says why');
    const { response } = await failed('GetCertificateChainStatus', chain, 'ocpp2.1');
    const statuses = response['certificateStatus'] as { status: string }[];
    t.deepEqual(
      statuses.map((one) => one.status),
      ['Failed', 'Failed'],
    );
  });
}

const idToken = { idToken: 'EMAID-1', type: 'eMAID' };
const withHash = { idToken, iso15118CertificateHashData: [ocspRequestData] };
const withCertificate = { idToken, certificate: '-----BEGIN CERTIFICATE-----' };
const accepted = { status: 'Accepted' };

const DECISIONS: readonly (readonly [
  token: object,
  reply: WebhookReply,
  status: string,
  certificateStatus: string,
  unchecked: boolean,
])[] = [
  [accepted, { body: { certificateStatus: 'Accepted' } }, 'Accepted', 'Accepted', false],
  [{ status: 'Blocked' }, { body: { certificateStatus: 'Accepted' } }, 'Blocked', 'Accepted', false],
  [accepted, { body: { certificateStatus: 'CertificateRevoked' } }, 'Invalid', 'CertificateRevoked', false],
  [accepted, { body: { certificateStatus: 'ContractCancelled' } }, 'Invalid', 'ContractCancelled', false],
  [accepted, { body: { certificateStatus: 'accepted' } }, 'Invalid', 'NoCertificateAvailable', true],
  [accepted, { body: { certificateStatus: true } }, 'Invalid', 'NoCertificateAvailable', true],
  [accepted, { status: 500 }, 'Invalid', 'NoCertificateAvailable', true],
  [accepted, { status: 401 }, 'Invalid', 'NoCertificateAvailable', true],
  [{ status: 'Blocked' }, { status: 500 }, 'Blocked', 'NoCertificateAvailable', true],
];

for (const protocol of later) {
  for (const [index, [tokens, reply, status, certificateStatus, unchecked]] of DECISIONS.entries()) {
    test(`${protocol}: a contract certificate is ${status}, ${certificateStatus} (${index})`, async (t) => {
      for (const request of [withHash, withCertificate]) {
        const { response, outcome, server } = await asked(protocol, 'Authorize', request, reply, { tokens });
        t.like(response, { idTokenInfo: { status }, certificateStatus });
        const types = outcome.events.map(({ type }) => type);
        const refused = status === 'Accepted' ? [] : ['token-refused'];
        t.deepEqual(types, unchecked ? ['contract-certificate-unchecked'] : refused);
        const { body } = server.requests[0] ?? {};
        t.like(body, { operation: 'authorize', identity: 'CP-1', idToken });
        t.is('hashData' in (body ?? {}), request === withHash);
      }
    });
  }

  test(`${protocol}: without a provider a contract certificate never charges, and other tokens are not concerned`, async (t) => {
    const records = listed('EMAID-1', accepted);
    for (const request of [
      withHash,
      withCertificate,
      { ...withHash, idToken: { idToken: '', type: 'NoAuthorization' } },
    ]) {
      const outcome = await call(protocol, 'Authorize', request, { records });
      t.deepEqual(resultOf(outcome), {
        idTokenInfo: { status: 'Invalid' },
        certificateStatus: 'NoCertificateAvailable',
      });
      t.like(outcome.events[0], { type: 'contract-certificate-unchecked', stationId: 'CP-1' });
    }
    const plain = await call(protocol, 'Authorize', { idToken }, { records });
    t.deepEqual(resultOf(plain), { idTokenInfo: { status: 'Accepted' } });
    t.deepEqual(plain.events, []);
  });
}
