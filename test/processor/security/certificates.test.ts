/** Certificates that stations request: which requests are stored, and that a crash at any step neither loses nor repeats one. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import test from 'ava';
import { serialNumberOf } from '../../../services/certificates/certificate-facts.ts';
import {
  CERTIFICATE_REQUESTS,
  type CertificateRequest,
  storeRequest,
} from '../../../services/csms/credentials/certificate-request.ts';
import { checkChain, refusalOf } from '../../../services/csms/credentials/certificate-rules.ts';
import { internalAuthority } from '../../../services/csms/credentials/internal-authority.ts';
import { Issuer, type IssuerOptions } from '../../../services/csms/credentials/issuer.ts';
import {
  type CertificateProvider,
  ProviderError,
  type SigningOrder,
} from '../../../services/csms/credentials/providers.ts';
import { webhookAuthority } from '../../../services/csms/credentials/webhook-providers.ts';
import { PROTOCOLS, type Protocol } from '../../../services/ocpp/frame.ts';
import { createLog } from '../../../services/runtime/log.ts';
import { GatewayClientTransport } from '../../../services/transport/gateway-client.ts';
import { createMemoryBus } from '../../../services/transport/memory/bus.ts';
import type { StateWrite } from '../../../services/transport/stored-state.ts';
import { certificateFolder, testAuthority, tlsFiles } from '../../support/certificates.ts';
import { call, NOW, resultOf, written } from '../stations.ts';
import { ecKey, type MoreNames, rsaKey, signingRequest } from './signing-request.ts';

const T0 = Date.parse(NOW);
const clock = { now: () => T0 };
const key = ecKey();
const good = await signingRequest('CP-1', 'ACME', key);
const authority = await testAuthority();
const folder = await certificateFolder(tlsFiles(authority));
test.after.always(() => folder[Symbol.asyncDispose]());

const internal = (more: object = {}) =>
  internalAuthority({ folder: folder.path, organization: 'ACME', days: 30, clock, ...more });

const REQUESTS: readonly (readonly [what: string, csr: () => Promise<string>, refusal: RegExp])[] = [
  ['another identity', () => signingRequest('CP-2', 'ACME', key), /common name.*must be the identity/],
  ['another organization', () => signingRequest('CP-1', 'Other', key), /organization.*must be ACME/],
  ['a weak key', () => signingRequest('CP-1', 'ACME', rsaKey(1024)), /1024 bits; use 2048 or more/],
  ['the signature of another key', () => signingRequest('CP-1', 'ACME', key, ecKey()), /signature.*is wrong/],
  ['no PKCS #10', async () => 'no request', /cannot be read/],
];

for (const [what, make, refusal] of REQUESTS) {
  test(`a request with ${what} is Rejected, with the reason in the response and in an event`, async (t) => {
    const csr = await make();
    const given = { providers: { certificates: internal() }, metadata: { proven: 'true' } };
    for (const protocol of PROTOCOLS) {
      const outcome = await call(protocol, 'SignCertificate', { csr }, given);
      const { status, statusInfo } = resultOf(outcome);
      t.is(status, 'Rejected');
      if (protocol !== 'ocpp1.6') {
        t.is((statusInfo as { reasonCode: string }).reasonCode, 'InvalidCSR');
        t.regex((statusInfo as { additionalInfo: string }).additionalInfo, refusal);
      }
      t.deepEqual(outcome.writes, []);
      t.is(outcome.events[0]?.type, 'certificate-refused');
      t.regex(outcome.events[0]?.fields['reason'] ?? '', refusal);
    }
  });
}

test('a good request is Accepted and stored, whatever the version, with what CertificateSigned must repeat', async (t) => {
  const given = { providers: { certificates: internal() }, metadata: { proven: 'true' } };
  const rows: readonly (readonly [Protocol, object])[] = [
    ['ocpp1.6', {}],
    ['ocpp2.0.1', { certificateType: 'ChargingStationCertificate' }],
    ['ocpp2.1', { requestId: 7 }],
  ];
  for (const [protocol, more] of rows) {
    const outcome = await call(protocol, 'SignCertificate', { csr: good, ...more }, given);
    t.deepEqual(resultOf(outcome), { status: 'Accepted' });
    const request = { state: 'requested', protocol, csr: good, ...more, at: T0, attempts: 0 };
    const [record, due] = written(outcome);
    t.deepEqual(record?.slice(0, 2), ['set', 'certificate-request:CP-1']);
    const fields = record?.[2] as Record<string, string>;
    t.deepEqual(JSON.parse(fields['ChargingStationCertificate'] ?? '') as object, request);
    t.deepEqual(due, ['add', CERTIFICATE_REQUESTS]);
    t.like(outcome.writes[1], { member: '["CP-1","ChargingStationCertificate"]', score: T0 });
  }
});

test('without an authority, and for a type that it does not sign, a request is Rejected', async (t) => {
  const none = await call('ocpp2.0.1', 'SignCertificate', { csr: good });
  t.like(resultOf(none), { status: 'Rejected', statusInfo: { reasonCode: 'UnsupportedRequest' } });
  const v2g = { csr: good, certificateType: 'V2GCertificate' };
  const given = { providers: { certificates: internal() }, metadata: { proven: 'true' } };
  t.like(resultOf(await call('ocpp2.0.1', 'SignCertificate', v2g, given)), { status: 'Rejected' });
});

const foreign = (names: MoreNames, commonName = 'CP-1') =>
  signingRequest(commonName, 'ACME', key, key, names);
const dns = (value: string) => ({ type: 'dns', value }) as const;
const FURTHER_NAMES: readonly (readonly [what: string, names: MoreNames])[] = [
  ['a DNS name of another station', { lists: [[dns('CP-2')]] }],
  ['its own DNS name and another one', { lists: [[dns('CP-1'), dns('CP-2')]] }],
  ['the identity in another case', { lists: [[dns('cp-1')]] }],
  ['a URI', { lists: [[{ type: 'url', value: 'CP-1' }]] }],
  ['an address', { lists: [[{ type: 'ip', value: '192.0.2.1' }]] }],
  ['a second common name', { commonNames: ['CP-2'] }],
  ['a second list of extensions', { lists: [[dns('CP-1')], [dns('CP-2')]] }],
  ['a name that the library leaves out', { raw: '3012820443502d31a00a06032a0304a0030c0141' }],
];

for (const [what, names] of FURTHER_NAMES) {
  test(`a request with ${what} is refused by every authority, for every type of certificate`, async (t) => {
    const csr = await foreign(names);
    for (const certificateType of [undefined, 'ChargingStationCertificate', 'V2GCertificate']) {
      const type = certificateType !== undefined && { certificateType };
      const reason = await refusalOf({ stationId: 'CP-1', csr, ...type }, '');
      t.regex(reason ?? '', /no further names/, certificateType);
    }
  });
}

test('a request may repeat the identity as a DNS name', async (t) => {
  const csr = await foreign({ lists: [[dns('CP-1')]] });
  t.is(await refusalOf({ stationId: 'CP-1', csr }, 'ACME'), undefined);
});

const UNPROVEN = [{}, { securityProfile: '1' }, { securityProfile: '3', proven: 'false' }];

for (const metadata of UNPROVEN) {
  test(`a station that has not proved who it is gets no certificate: ${JSON.stringify(metadata)}`, async (t) => {
    for (const protocol of PROTOCOLS) {
      const given = { providers: { certificates: internal() }, metadata };
      const outcome = await call(protocol, 'SignCertificate', { csr: good }, given);
      const { status, statusInfo } = resultOf(outcome);
      t.is(status, 'Rejected');
      if (protocol !== 'ocpp1.6') t.like(statusInfo, { reasonCode: 'NotEnabled' });
      t.deepEqual(outcome.writes, []);
      t.is(outcome.events[0]?.type, 'certificate-refused');
      t.regex(outcome.events[0]?.fields['reason'] ?? '', /has not proved who it is/);
    }
  });
}

test('a repeated request changes nothing while it is processed; another one replaces it, at the pace of one a minute', (t) => {
  const facts = { stationId: 'CP-1', protocol: 'ocpp1.6', csr: 'A' } as const;
  const storedAs = (more: Partial<CertificateRequest>) => {
    const stored = { state: 'requested', ...facts, at: T0, attempts: 1, ...more };
    return JSON.stringify(stored);
  };
  const dueOf = ([, due]: readonly StateWrite[]) => (due?.kind === 'add' ? due.score - T0 : undefined);
  for (const state of ['requested', 'issued', 'sent'] as const) {
    t.deepEqual(storeRequest(facts, storedAs({ state }), T0 + 1000), []);
    const other = { ...facts, csr: 'B' };
    t.is(dueOf(storeRequest(other, storedAs({ state, askedAt: T0 }), T0 + 1000)), 60_000);
    t.is(dueOf(storeRequest(other, storedAs({ state }), T0 + 1000)), 1000);
  }
  t.is(dueOf(storeRequest(facts, storedAs({ state: 'ended', askedAt: T0 }), T0 + 1000)), 60_000);
  t.is(dueOf(storeRequest(facts, 'no JSON', T0 + 1000)), 1000);
});

test('the internal authority signs for the identity; a wrong folder is to be corrected, and loses no request', async (t) => {
  const order = { stationId: 'CP-1', csr: good, requestKey: 'k' };
  const { chain, serialNumber } = await internal().sign(order);
  const leaf = new X509Certificate(chain);
  t.true(leaf.verify(new X509Certificate(authority.certificate).publicKey));
  t.true(leaf.publicKey.equals(key.publicKey));
  t.regex(leaf.subject, /O=ACME\nCN=CP-1/);
  t.is(serialNumberOf(leaf), serialNumber);
  const error = await t.throwsAsync<ProviderError>(internal({ folder: '/nowhere' }).sign(order));
  t.true(error?.retryable);
  t.regex(error?.message ?? '', /correct tls.crt and tls.key/);
});

test('what an authority answers is used only if it is a certificate for this key and this station', async (t) => {
  const signed = async (identity: string, csr: string, days = 30) =>
    authority.sign({ csr, subject: { commonName: identity }, usage: 'client', days });
  const order: SigningOrder = { stationId: 'CP-1', csr: good, requestKey: 'k' };
  const provider = (body: object, status = 200) =>
    webhookAuthority({
      webhook: { post: async () => ({ status, body }) },
      organization: '',
      days: 30,
      clock: { now: Date.now },
    });
  const chain = await signed('CP-1', good);
  t.is((await provider({ certificateChain: chain }).sign(order)).chain, chain);
  const bad: readonly (readonly [object, RegExp])[] = [
    [{}, /without a certificateChain/],
    [{ certificateChain: 'x' }, /holds no certificate/],
    [{ certificateChain: await signed('CP-2', good) }, /its common name and its DNS names/],
    [{ certificateChain: await signed('CP-1', await signingRequest('CP-1')) }, /another key/],
    [{ certificateChain: authority.certificate }, /another key/],
    [{ certificateChain: chain + '\n'.repeat(10_000) }, /more than 10000 characters/],
  ];
  for (const [body, message] of bad) {
    await t.throwsAsync(provider(body).sign(order), { code: 'provider-answer', message });
  }
  await t.throwsAsync(provider({}, 422).sign(order), { code: 'provider-refused', message: /422/ });
  const v2g = { ...order, certificateType: 'V2GCertificate' };
  const other = await signed('CP-2', good);
  t.is((await provider({ certificateChain: other }).sign(v2g)).chain, other, 'other PKIs have other names');
});

const ISSUED: readonly (readonly [commonName: string, names: readonly string[], isUsed: boolean])[] = [
  ['CP-1', [], true],
  ['CP-1', ['CP-1'], true],
  ['CP-1', ['CP-1', 'CP-2'], false],
  ['CP-1', ['cp-1'], false],
  ['CP-2', ['CP-1'], false],
];

for (const [commonName, names, isUsed] of ISSUED) {
  test(`a certificate of an authority with CN ${commonName} and DNS ${names.join()}: ${isUsed ? 'used' : 'not used'}`, async (t) => {
    const issued = await authority.issueClientCertificate({ commonName }, { names });
    const privateKey = createPrivateKey(issued.key);
    const pair = { privateKey, publicKey: createPublicKey(privateKey) };
    const csr = await signingRequest('CP-1', 'ACME', pair);
    const order = { stationId: 'CP-1', csr, requestKey: 'k' };
    const checked = checkChain(issued.certificate, order, Date.now());
    if (isUsed) return t.is((await checked).chain, issued.certificate);
    return t.throwsAsync(checked, { code: 'provider-answer', message: /must be the identity, and no other/ });
  });
}

class Crash extends Error {}

/** The operations of one process; it dies before or after the n-th. */
class Process {
  dead = false;
  #left: number;
  readonly #after: boolean;

  constructor(survives = Number.MAX_SAFE_INTEGER, after = false) {
    this.#left = survives;
    this.#after = after;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.dead) return this.#die();
    const isLast = this.#left-- === 0;
    if (isLast && !this.#after) return this.#die();
    const result = await work();
    // What was awaited when it died arrives nowhere.
    if (isLast || this.dead) return this.#die();
    return result;
  }

  #die(): never {
    this.dead = true;
    throw new Crash('the process died');
  }
}

/** A connected station that requested a certificate, and issuers that process the request over memory. */
async function network({
  status = 'Accepted',
  entry = '{"certificateSerial":"0A"}',
  protocol = 'ocpp2.0.1',
}: { status?: string; entry?: string; protocol?: Protocol } = {}) {
  let now = T0;
  const time = { now: () => now };
  const bus = createMemoryBus(time);
  bus.transport.onMessage(async () => ({ writes: [], events: [] }));
  await bus.transport.start();
  const station = new GatewayClientTransport({ gateway: bus.gateway('g'), stationId: 'CP-1', protocol });
  const sent: string[] = [];
  station.onMessage((frame) => {
    const [, id, , payload] = JSON.parse(frame) as [number, string, string, { certificateChain: string }];
    sent.push(payload.certificateChain);
    void station.write(JSON.stringify([3, id, { status }]));
  });
  await station.start();
  bus.state.apply({ kind: 'set', key: 'stations', fields: { 'CP-1': entry } });
  const { state, calls } = bus.transport;
  const request = async (csr: string) => {
    const stored = await state.field('certificate-request:CP-1', 'ChargingStationCertificate');
    for (const write of storeRequest({ stationId: 'CP-1', protocol, csr }, stored, now))
      bus.state.apply(write);
  };
  await request('A');

  const keys = new Set<string>();
  let orders = 0;
  const results: string[] = [];
  const sign: CertificateProvider['sign'] = async ({ requestKey }) => {
    keys.add(requestKey);
    return { chain: `chain ${++orders}`, serialNumber: `${orders}` };
  };
  const issuer = (process = new Process(), signing = sign) => {
    const transport: IssuerOptions['transport'] = {
      state: {
        field: (...args) => process.run(() => state.field(...args)),
        members: (...args) => process.run(() => state.members(...args)),
        amend: (amendment) => process.run(() => state.amend(amendment)),
      },
      calls: {
        stateOf: (...args) => process.run(() => calls.stateOf(...args)),
        make: (made) => process.run(() => calls.make(made)),
      },
    };
    const provider: CertificateProvider = {
      refusalOf: async () => undefined,
      sign: (order) => process.run(() => signing(order)),
    };
    const log = createLog('test', 'silent');
    return new Issuer({ transport, provider, clock: time, log, onResult: (one) => results.push(one) });
  };
  const events = () => bus.state.stream('events').filter(({ type }) => type?.startsWith('certificate-'));
  return {
    bus,
    station,
    sent,
    keys,
    results,
    request,
    sign,
    issuer,
    later: (ms: number) => void (now += ms),
    /** Lets the station respond, and what follows from it happen. */
    async settle() {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
    entry: async () => JSON.parse((await state.field('stations', 'CP-1')) ?? '') as object,
    waiting: () => state.size(CERTIFICATE_REQUESTS),
    events,
    types: () => events().map(({ type }) => type),
    async [Symbol.asyncDispose]() {
      await station.stop();
      await bus.transport.stop(0);
    },
  };
}

for (const status of ['Accepted', 'Rejected'] as const) {
  test(`a crash at any step: the station gets one certificate, once, and its ${status} one event`, async (t) => {
    let crashes = 0;
    for (const after of [false, true]) {
      for (let survives = 0; ; survives++) {
        const point = `${after ? 'after' : 'before'} operation ${survives}`;
        await using w = await network({ status });
        const first = new Process(survives, after);
        let issuer = w.issuer(first);
        for (let round = 0; round < 12; round++) {
          await issuer.round().catch((error: unknown) => {
            if (!(error instanceof Crash)) throw error;
          });
          await w.settle();
          if (first.dead) issuer = w.issuer();
          w.later(31_000);
        }
        const [chain] = w.sent;
        t.is(w.sent.length, 1, point);
        t.is(w.keys.size, 1, `${point}: the authority sees one request`);
        t.true(w.results.filter((one) => one === 'signed').length <= 1, point);
        t.deepEqual(
          w.types(),
          [status === 'Accepted' ? 'certificate-installed' : 'certificate-refused'],
          point,
        );
        const serial = chain?.replace('chain ', '') ?? '';
        const next = status === 'Accepted' ? { nextCertificateSerial: serial } : {};
        t.deepEqual(await w.entry(), { certificateSerial: '0A', ...next }, point);
        t.is(await w.waiting(), 0, point);
        if (!first.dead) break;
        crashes++;
      }
    }
    t.true(crashes > 15, `${crashes} crash points`);
  });
}

test('two processors look at the same time: one asks the authority, and one certificate is sent', async (t) => {
  await using w = await network();
  const [one, two] = [w.issuer(), w.issuer()];
  for (let round = 0; round < 3; round++) {
    await Promise.all([one.round(), two.round()]);
    await w.settle();
    w.later(61_000);
  }
  t.deepEqual(w.results, ['signed', 'installed']);
  t.is(w.sent.length, 1);
});

test('a new request replaces one whose certificate is being signed, a minute later', async (t) => {
  await using w = await network();
  const signing = Promise.withResolvers<void>();
  const issuer = w.issuer(undefined, async (order) => {
    if (order.csr === 'A') await signing.promise;
    return { chain: `chain of ${order.csr}`, serialNumber: '1' };
  });
  const round = issuer.round();
  await w.settle();
  await w.request('B');
  signing.resolve();
  await round;
  w.later(59_000);
  await issuer.round();
  t.deepEqual(w.sent, []);
  w.later(1000);
  await issuer.round();
  await w.settle();
  t.deepEqual(w.sent, ['chain of B']);
  t.deepEqual(w.results, ['signed', 'installed']);
});

test('while the authority is away the request is tried again at growing intervals, with one event', async (t) => {
  await using w = await network();
  let asked = 0;
  let away = true;
  const issuer = w.issuer(undefined, async (order) => {
    asked++;
    if (away) throw new ProviderError('provider-unavailable', 'no connection');
    return w.sign(order);
  });
  for (let second = 0; second < 300; second++) {
    await issuer.round();
    w.later(1000);
  }
  // After 2, 4, 8, 16, 32 s, and then once a minute.
  t.is(asked, 9);
  t.deepEqual(w.types(), ['certificate-failed']);
  t.like(w.events()[0], { reason: 'no connection', retried: 'true' });
  away = false;
  w.later(60_000);
  await issuer.round();
  await w.settle();
  t.deepEqual(w.types(), ['certificate-failed', 'certificate-installed']);
});

test('a certificate that was never sent to its offline station has failed, and its serial number is forgotten', async (t) => {
  await using w = await network({ entry: '{"nextCertificateSerial":"0F"}' });
  await w.station.stop();
  const issuer = w.issuer();
  await issuer.round();
  t.deepEqual(await w.entry(), { nextCertificateSerial: '1' });
  const key = [...w.keys][0] ?? '';
  await w.bus.transport.calls.cancel('CP-1', key);
  await w.settle();
  t.deepEqual(w.types(), ['certificate-failed']);
  t.like(w.events()[0], { reason: 'cancelled', serialNumber: '1' });
  t.deepEqual(await w.entry(), { nextCertificateSerial: '0F' }, 'the earlier one counts again');
  t.is(await w.waiting(), 0);
});

test('a certificate of which nothing says whether it was sent is not sent again', async (t) => {
  await using w = await network();
  const process = new Process();
  const first = w.issuer(process);
  const { calls } = w.bus.transport;
  const make = calls.make.bind(calls);
  // The process dies as it makes the call, and no other one runs for an hour.
  calls.make = async () => {
    process.dead = true;
    throw new Crash();
  };
  await first.round();
  calls.make = make;
  w.later(3_600_000);
  await w.issuer().round();
  await w.settle();
  t.deepEqual(w.sent, []);
  t.like(w.events()[0], { type: 'certificate-failed', reason: 'outcome unknown' });
  t.like(await w.entry(), { nextCertificateSerial: '1' }, 'it may be in use');
});

test('an entry that cannot be read stops no certificate, and is not changed', async (t) => {
  await using w = await network({ entry: '{"blocked":"yes"}' });
  await w.issuer().round();
  await w.settle();
  t.deepEqual(w.types(), ['certificate-installed']);
  t.deepEqual(await w.entry(), { blocked: 'yes' });
});

test('a member without a request is removed', async (t) => {
  await using w = await network();
  const add = { kind: 'add', key: CERTIFICATE_REQUESTS, score: 1 } as const;
  w.bus.state.apply({ ...add, member: 'no JSON' });
  w.bus.state.apply({ ...add, member: '["CP-9","V2GCertificate"]' });
  await w.issuer().round();
  await w.settle();
  t.is(await w.waiting(), 0);
  t.is(w.sent.length, 1);
});
