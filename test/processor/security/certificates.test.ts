/** Certificates that stations request: which requests are stored, and that a crash at any step neither loses nor repeats one. */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { serialNumberOf } from '../../../services/certificates/certificate-facts.ts';
import {
  CERTIFICATE_REQUESTS,
  type CertificateRequest,
  storeRequest,
} from '../../../services/csms/credentials/certificate-request.ts';
import { internalAuthority } from '../../../services/csms/credentials/internal-authority.ts';
import { Issuer, type IssuerOptions } from '../../../services/csms/credentials/issuer.ts';
import {
  type CertificateProvider,
  type ProviderError,
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
import { ecKey, rsaKey, signingRequest } from './signing-request.ts';

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
    const given = { providers: { certificates: internal() } };
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
  const given = { providers: { certificates: internal() } };
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
  const given = { providers: { certificates: internal() } };
  t.like(resultOf(await call('ocpp2.0.1', 'SignCertificate', v2g, given)), { status: 'Rejected' });
});

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
    [{ certificateChain: await signed('CP-2', good) }, /neither its common name/],
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

class Crash extends Error {}

/** The operations of one process; it dies before or after the n-th. */
class Process {
  dead = false;
  #left: number;
  readonly #after: boolean;

  constructor(survives: number, after: boolean) {
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

interface Result {
  readonly sent: readonly string[];
  readonly keys: ReadonlySet<string>;
  readonly orders: number;
  readonly events: readonly string[];
  readonly results: readonly string[];
  readonly entry: string | undefined;
  readonly waiting: number;
  readonly crashed: boolean;
}

const CHAIN = (number: number) => `chain ${number}`;

/** A request of a connected station, processed by a process that dies and by those after it. */
async function processed(
  survives: number,
  after: boolean,
  status = 'Accepted',
  protocol: Protocol = 'ocpp2.0.1',
): Promise<Result> {
  let now = T0;
  const time = { now: () => now };
  const bus = createMemoryBus(time);
  bus.transport.onMessage(async () => ({ writes: [], events: [] }));
  await bus.transport.start();
  const station = new GatewayClientTransport({ gateway: bus.gateway('g'), stationId: 'CP-1', protocol });
  const sent: string[] = [];
  station.onMessage((frame) => {
    const [, id, , { certificateChain }] = JSON.parse(frame) as [
      number,
      string,
      string,
      { certificateChain: string },
    ];
    sent.push(certificateChain);
    void station.write(JSON.stringify([3, id, { status }]));
  });
  await station.start();
  bus.state.apply({ kind: 'set', key: 'stations', fields: { 'CP-1': '{"certificateSerial":"0A"}' } });
  for (const write of storeRequest({ stationId: 'CP-1', protocol, csr: 'A' }, undefined, T0))
    bus.state.apply(write);

  const keys = new Set<string>();
  let orders = 0;
  const results: string[] = [];
  const issuerOf = (process: Process) => {
    const { state, calls } = bus.transport;
    const provider: CertificateProvider = {
      refusalOf: async () => undefined,
      sign: ({ requestKey }) =>
        process.run(async () => {
          keys.add(requestKey);
          const chain = CHAIN(++orders);
          return { chain, serialNumber: `${orders}` };
        }),
    };
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
    const log = createLog('test', 'silent');
    return new Issuer({ transport, provider, clock: time, log, onResult: (one) => results.push(one) });
  };
  const first = new Process(survives, after);
  let issuer = issuerOf(first);
  for (let round = 0; round < 12; round++) {
    await issuer.round().catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
    });
    // The response of the station, and what follows from it.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (first.dead) issuer = issuerOf(new Process(Number.MAX_SAFE_INTEGER, false));
    now += 31_000;
  }
  const waiting = await bus.transport.state.size(CERTIFICATE_REQUESTS);
  const entry = await bus.transport.state.field('stations', 'CP-1');
  const events = bus.state.stream('events').map((one) => one['type'] ?? '');
  await station.stop();
  await bus.transport.stop(0);
  return { sent, keys, orders, events, results, entry, waiting, crashed: first.dead };
}

for (const status of ['Accepted', 'Rejected'] as const) {
  test(`a crash at any step: the station gets one certificate, once, and its ${status} one event`, async (t) => {
    let crashes = 0;
    for (const after of [false, true]) {
      for (let survives = 0; ; survives++) {
        const point = `${after ? 'after' : 'before'} operation ${survives}`;
        const result = await processed(survives, after, status);
        const [chain] = result.sent;
        t.is(result.sent.length, 1, point);
        t.is(result.keys.size, 1, `${point}: the authority sees one request`);
        t.is(result.results.filter((one) => one === 'signed').length <= 1, true, point);
        const type = status === 'Accepted' ? 'certificate-installed' : 'certificate-refused';
        t.deepEqual(result.events, [type], point);
        const serial = chain?.replace('chain ', '') ?? '';
        const next = status === 'Accepted' ? { nextCertificateSerial: serial } : {};
        t.deepEqual(JSON.parse(result.entry ?? '') as object, { certificateSerial: '0A', ...next }, point);
        t.is(result.waiting, 0, point);
        if (!result.crashed) break;
        crashes++;
      }
    }
    t.true(crashes > 15, `${crashes} crash points`);
  });
}
