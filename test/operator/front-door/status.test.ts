/** What the status says of who stations are, from what the ws-proxies export. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type {
  OcppClusterSpec,
  OcppClusterStatus,
  SecurityStatus,
} from '../../../operator/api/ocpp-cluster.ts';
import type { Observed } from '../../../operator/observe/observe.ts';
import type { Pod } from '../../../operator/observe/workloads.ts';
import type { SecurityReading } from '../../../operator/scaling/demand.ts';
import { createScraper } from '../../../operator/signals/scrape.ts';
import { remember, signalsOf } from '../../../operator/signals/signals.ts';
import { eventsBetween } from '../../../operator/status/events.ts';
import {
  secured,
  securityStatusOf,
  settingsProblems,
  sourceProblems,
} from '../../../operator/status/security.ts';
import { city, find, rendered } from '../../support/rendered.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const inDays = (days: number) => new Date(NOW + days * 86_400_000).toISOString().replace('.000', '');
const REGISTER: OcppClusterSpec = { authentication: { stations: { register: true } } };
const BASIC = { name: 'basic', port: 9001, securityProfile: 1 };
const MUTUAL = {
  name: 'mtls',
  port: 9444,
  securityProfile: 3,
  tls: { secretName: 's', clientCaSecretName: 'c' },
};
const certificate = (days: number) => ({
  certificates: [{ listener: 'mtls', what: 'revocation-list', notAfter: inDays(days) }],
});

interface Row {
  readonly spec: OcppClusterSpec;
  readonly security?: SecurityStatus;
  readonly reason: string;
  readonly says: RegExp;
}

const refused = (...listeners: readonly string[]) => ({
  rejected: listeners.map((listener) => ({ listener, problem: 'tls.key is of another certificate' })),
});

const ROWS: readonly Row[] = [
  { spec: {}, reason: 'PlainListener', says: /^anyone who reaches port 9000 can be any station; set/ },
  {
    spec: { listeners: [MUTUAL, { name: 'a', port: 9000 }, { name: 'b', port: 80 }] },
    security: refused('mtls'),
    reason: 'PlainListener',
    says: /^anyone who reaches ports 9000, 80 .* of a, b .*; the changed TLS files of mtls are refused/,
  },
  {
    spec: { listeners: [MUTUAL], authentication: { mode: 'Report' } },
    security: { unproven: 7 },
    reason: 'ReportOnly',
    says: /Enforce would refuse 7 of the connected ones$/,
  },
  {
    spec: { listeners: [MUTUAL], authentication: { mode: 'Report' } },
    security: {},
    reason: 'ReportOnly',
    says: /is not known at the moment$/,
  },
  {
    spec: { listeners: [BASIC], authentication: { ...REGISTER.authentication, unknownStations: 'Accept' } },
    reason: 'UnknownStationsAccepted',
    says: /^stations without an entry are let in on port 9001 with any password/,
  },
  {
    spec: { listeners: [MUTUAL] },
    security: { ...certificate(3), ...refused('mtls') },
    reason: 'CertificateRejected',
    says: /^the changed TLS files of mtls are refused .* stay in use: tls.key is of another certificate; the revocation list of mtls expires/,
  },
  {
    spec: { listeners: [MUTUAL] },
    security: certificate(6.9),
    reason: 'CertificateExpiring',
    says: /^the revocation list of mtls expires at 2026-12-06T\S+Z; renew the Secret/,
  },
  {
    spec: { listeners: [MUTUAL] },
    security: certificate(-1),
    reason: 'CertificateExpiring',
    says: /^the revocation list of mtls expired at/,
  },
  {
    spec: { listeners: [MUTUAL], certificateAuthority: { internal: { secretName: 'ca' } } },
    security: { ...certificate(8), authorityNotAfter: inDays(29.9), stationsExpiring: 3 },
    reason: 'CertificateExpiring',
    says: /^the certificate of the internal authority expires at 2026-12-29T\S+Z; first add its successor to ca.crt of tls.clientCaSecretName, then renew the Secret that certificateAuthority.internal names; the certificates of 3 connected stations expire within 7 days;/,
  },
];

const securedBy = (spec: OcppClusterSpec, security?: SecurityStatus, pods: readonly Pod[] = []) =>
  secured({ spec: defaultedSpec(city(spec)), security, observed: { pods }, now: NOW });

for (const { spec, security, reason, says } of ROWS) {
  test(`not secured: ${reason}, ${JSON.stringify([spec, security])}`, (t) => {
    const found = securedBy(spec, security);
    t.like(found, { status: 'False', reason });
    t.regex(found.message, says);
  });
}

test('secured: every listener asks, the mode is Enforce and no certificate expires soon', (t) => {
  const of = (spec: OcppClusterSpec) => securedBy(spec, certificate(8));
  t.like(of({ listeners: [MUTUAL] }), {
    status: 'True',
    reason: 'Enforced',
    message: 'every listener refuses stations that cannot prove who they are',
  });
  const basic = of({ ...REGISTER, listeners: [MUTUAL, BASIC] });
  t.like(basic, { status: 'True', reason: 'Enforced' });
  t.regex(basic.message, /passwords travel in clear to port 9001/);
  const open = { ...REGISTER.authentication, unknownStations: 'Accept' as const };
  t.is(
    of({ listeners: [MUTUAL], authentication: open }).status,
    'True',
    'a certificate proves an unknown one',
  );
});

test('secured: stations whose certificates expire are a sentence and no reason, as they come and go', (t) => {
  const of = (security: SecurityStatus) =>
    securedBy({ listeners: [MUTUAL] }, { authorityNotAfter: inDays(31), ...security });
  t.regex(of({ stationsExpiring: 1 }).message, /; the certificate of 1 connected station expires within 7/);
  t.is(of({ stationsExpiring: 1 }).status, 'True');
  t.notRegex(of({ stationsExpiring: 0 }).message, /connected station/);
});

/** A Pod as the operator renders it for the spec. */
const podOf = (name: string, spec: OcppClusterSpec, status: Pod['status'] = { phase: 'Running' }): Pod => {
  const { template } = find(rendered(spec), 'Deployment/city-ws-proxy').spec as { template: Pod };
  return { ...template, metadata: { ...template.metadata, name, uid: name }, status };
};

test('not secured while Pods of an earlier spec are there, which ask nothing', (t) => {
  const now = { listeners: [MUTUAL] };
  const two = { listeners: [{ name: 'a' }, { name: 'b', port: 9001, path: '/v16' }] };
  const mixed = { ...REGISTER, listeners: [MUTUAL, { name: 'plain' }] };
  const other = { ...REGISTER, listeners: [BASIC] };
  for (const earlier of [{}, two, mixed]) {
    const found = securedBy(now, undefined, [podOf('new', now), podOf('old', earlier)]);
    t.like(found, { status: 'False', reason: 'RollingOut' });
    t.regex(found.message, /^old: made for an earlier spec, by which anyone can be any station/);
  }
  const many = ['a', 'b', 'c', 'd', 'e'].map((name) => podOf(name, {}));
  t.regex(securedBy(now, undefined, many).message, /^a, b, c and 2 more: /);
  t.is(securedBy(now, undefined, [podOf('old', {}, { phase: 'Succeeded' })]).status, 'True', 'it has ended');
  t.is(securedBy(now, undefined, [podOf('old', other)]).status, 'True', 'it asks, too');
  t.is(securedBy({}, undefined, [podOf('old', {})]).reason, 'PlainListener');
});

test('not secured, and degraded, while a ws-proxy refuses its changed settings', (t) => {
  const pods = [podOf('a', { listeners: [MUTUAL] }), podOf('b', { listeners: [MUTUAL] })];
  const of = (settingsRejected: readonly string[]) => {
    const spec = defaultedSpec(city({ listeners: [MUTUAL] }));
    return secured({ spec, security: undefined, observed: { pods }, settingsRejected, now: NOW });
  };
  t.is(of([]).status, 'True');
  t.is(of(['a processor']).status, 'True', 'it authenticates no station');
  t.like(of(['b']), { status: 'False', reason: 'SettingsRejected' });
  t.regex(of(['b']).message, /^b: the changed settings are refused, authentication among them/);
  t.deepEqual(settingsProblems([], { pods }), []);
  t.deepEqual(settingsProblems(undefined, { pods }), []);
  t.like(settingsProblems(['a'], { pods })[0], { reason: 'SettingsRejected' });
  t.regex(settingsProblems(['a'], { pods })[0]?.message ?? '', /^a: the changed settings are refused/);
});

test('not secured: the certificate of Redis expires soon', (t) => {
  const of = (storeExpires: string) =>
    secured({
      spec: defaultedSpec(city({ listeners: [MUTUAL] })),
      security: undefined,
      observed: { pods: [] },
      storeExpires,
      now: NOW,
    });
  t.is(of(inDays(8)).status, 'True');
  t.like(of(inDays(6)), { status: 'False', reason: 'CertificateExpiring' });
  t.regex(of(inDays(6)).message, /^the certificate of Redis expires at 2026-12-05T12:00:00Z: after/);
  t.regex(of(inDays(-1)).message, /^the certificate of Redis expired at/);
});

/** Programs that export this, scraped over HTTP; those named p… are processors. */
async function scraped(texts: Readonly<Record<string, string>>) {
  const server = createServer(({ url = '' }, response) => response.end(texts[url.slice(1)]));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pods = Object.keys(texts);
  const scrape = createScraper(
    () => NOW,
    (_, error) => {
      throw error;
    },
  );
  const samples = await scrape(
    pods.map((pod) => {
      const component = pod.startsWith('p') ? 'processor' : 'ws-proxy';
      return { pod, component, host: '127.0.0.1', port, path: `/${pod}` } as const;
    }),
  );
  await new Promise((resolve) => server.close(resolve));
  return (proxies: readonly string[], draining: readonly string[] = []) =>
    signalsOf(remember(new Map(), samples, pods), { proxies, draining, now: NOW, staleMs: 15_000 }).security;
}

const EXPIRY = 'ocpp_proxy_certificate_expiry_timestamp_seconds';
const TEXT_A = `# TYPE ${EXPIRY} gauge
ocpp_proxy_sessions_unproven 3
ocpp_proxy_station_source_failing 1
${EXPIRY}{listener="mtls",what="certificate"} 1800000000
${EXPIRY}{listener="mtls",what="ca.crl"} 1790000000
${EXPIRY}{what="a \\"b}\\" \\\\ c",listener="tls"} 1.7e9
${EXPIRY}{listener="tls",what="no number"} NaN
ocpp_proxy_tls_refusal_info{listener="tls",problem="tls.key is of another certificate"} 1
`;
const TEXT_B = `ocpp_proxy_sessions_unproven 4
ocpp_proxy_station_source_failing 0
${EXPIRY}{listener="mtls",what="certificate"} 1795000000
`;

test('counts are summed over the ws-proxies, certificates are the earliest, and refusals those of any', async (t) => {
  const reading = await scraped({ a: TEXT_A, b: TEXT_B, old: 'ocpp_proxy_sessions 5\n' });
  t.deepEqual(reading(['a', 'b']), {
    unproven: 7,
    certificates: [
      { listener: 'mtls', what: 'ca.crl', expires: 1_790_000_000 },
      { listener: 'mtls', what: 'certificate', expires: 1_795_000_000 },
      { listener: 'tls', what: 'a "b}" \\ c', expires: 1_700_000_000 },
    ],
    ...refused('tls'),
    sourceFailing: ['a'],
  });
  t.is(reading(['a'], ['b'])?.unproven, 7, 'stations of a draining Pod count');
  t.is(reading(['a', 'lost'])?.unproven, undefined, 'a missing figure is not zero');
  t.is(reading(['a', 'old'])?.unproven, undefined, 'a Pod of an earlier release does not say');
  t.is(reading(['a'], ['old'])?.unproven, 3, 'but it does not hide what the new ones say');
  t.is(reading(['old']), undefined);
});

const EXPIRING = 'ocpp_proxy_sessions_certificate_expiring';
const AUTHORITY = 'ocpp_certificate_authority_expiry_timestamp_seconds';
const expiring = (week: number) =>
  `ocpp_proxy_sessions_unproven 0\n${EXPIRING}{within="7d"} ${week}\n${EXPIRING}{within="30d"} 50\n`;

test('stations whose certificates expire are summed, and the authority has the earliest date of the processors', async (t) => {
  const reading = await scraped({
    a: expiring(2),
    b: expiring(1),
    c: 'ocpp_proxy_sessions_unproven 0\n',
    p1: `${AUTHORITY} 1800000000\n`,
    p2: `${AUTHORITY} 1790000000\n`,
    p3: 'ocpp_processor_in_flight 1\n',
  });
  t.like(reading(['a', 'b']), { stationsExpiring: 3, authorityExpires: 1_790_000_000 });
  t.is(reading(['a', 'c'])?.stationsExpiring, undefined, 'a missing figure is not zero');
});

const READING: SecurityReading = {
  unproven: 2,
  certificates: [{ listener: 'mtls', what: 'certificate', expires: NOW / 1000 }],
  ...refused('mtls', 'gone'),
  sourceFailing: [],
};

test('what is known of certificates stays while no ws-proxy can be read; the count of stations does not', (t) => {
  const spec = defaultedSpec(city({ listeners: [MUTUAL] }));
  const known = securityStatusOf(spec, undefined, READING);
  const certificates = [{ listener: 'mtls', what: 'certificate', notAfter: '2026-11-29T12:00:00Z' }];
  t.deepEqual(known, { unproven: 2, certificates, ...refused('mtls') }, 'only listeners that the spec has');
  t.deepEqual(securityStatusOf(spec, known, undefined), { certificates, ...refused('mtls') });
  t.is(securityStatusOf(defaultedSpec(city()), known, READING), undefined, 'no listener asks');
  const internal = { listeners: [MUTUAL], certificateAuthority: { internal: { secretName: 'ca' } } };
  const withAuthority = defaultedSpec(city(internal));
  const before = securityStatusOf(withAuthority, undefined, { ...READING, authorityExpires: NOW / 1000 });
  t.is(before?.authorityNotAfter, '2026-11-29T12:00:00Z');
  t.is(securityStatusOf(withAuthority, before, READING)?.authorityNotAfter, '2026-11-29T12:00:00Z');
  t.is(securityStatusOf(spec, before, READING)?.authorityNotAfter, undefined, 'the spec has none any more');
});

const statusWith = (condition: object | undefined, security: SecurityStatus = {}) =>
  ({
    conditions: condition === undefined ? [] : [{ type: 'Secured', message: 'm', ...condition }],
    security,
  }) as unknown as OcppClusterStatus;
const [YES, NO] = [
  { status: 'True', reason: 'Enforced' },
  { status: 'False', reason: 'PlainListener' },
];

test('Events: the condition changed, and files of a listener are refused even if it did not', (t) => {
  const reasons = (before: OcppClusterStatus, after: OcppClusterStatus) =>
    eventsBetween(before, after).map(({ reason, message }) => [reason, message.slice(0, 33)]);
  t.deepEqual(reasons(statusWith(YES), statusWith(NO)), [['NotSecured', 'm']]);
  t.deepEqual(reasons(statusWith(NO), statusWith(YES)), [['Secured', 'm']]);
  t.deepEqual(reasons(statusWith(undefined), statusWith(NO)), [], 'an upgraded operator reports no change');
  t.deepEqual(reasons(statusWith(NO), statusWith(NO, refused('b'))), [
    ['TlsFilesRefused', 'the changed TLS files of b are re'],
  ]);
  t.deepEqual(
    reasons(statusWith(NO, refused('a')), statusWith(NO, refused('a', 'b'))).map(([one]) => one),
    ['TlsFilesRefused'],
  );
  t.deepEqual(reasons(statusWith(NO, refused('a')), statusWith(NO)), [
    ['TlsFilesAccepted', 'the TLS files of a are in use'],
  ]);
});

test('a source of stations that cannot be read is a problem with the names of the Pods', (t) => {
  const pods = ['a', 'b', 'c', 'd'].map((uid) => ({ metadata: { uid, name: `city-ws-proxy-${uid}` } }));
  const problems = (sourceFailing: readonly string[]) =>
    sourceProblems({ ...READING, sourceFailing }, { pods } as unknown as Observed);
  t.deepEqual(problems([]), []);
  t.is(problems(['a'])[0]?.reason, 'StationSourceFailing');
  t.regex(
    problems(['a', 'b', 'c', 'd'])[0]?.message ?? '',
    /^city-ws-proxy-a, \S+, \S+ and 1 more: .* connected ones stay/,
  );
});
