/**
 * The front door on a real cluster: certificates from Secrets that change under live sockets, passwords and certificates that are
 * taken away, the way from Report to Enforce, and a storm. The tests build on each other: stations stay connected from one to the next.
 */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { createNamespace, diagnostics, removeEverything, startAfresh } from '../environment.ts';
import { kubectl, patch, until } from '../kubectl.ts';
import { killContainer } from '../processes.ts';
import {
  BUDGET,
  createDoor,
  door,
  eventsOf,
  isInUse,
  newServerCertificate,
  proxyPods,
  putCertificate,
  putClientCa,
  secured,
  security,
  sessionTimes,
  stationsProgram,
  untilMounted,
} from './door.ts';
import { Fleet, named, paceOf, serialOf } from './fleet.ts';
import { forAll, Station, statusOf } from './stations.ts';

/** Of profile 2 and of profile 3 each. */
const EACH = 250;
const STORM = 2000;
const secondsSince = (from: number) => (performance.now() - from) / 1000;

let fleet: Fleet;

test.before('one image, one operator, and a cluster with three listeners', async (t) => {
  t.timeout(600_000);
  await startAfresh();
  await createNamespace(door.namespace);
  await createDoor(await newServerCertificate(30));
  fleet = await Fleet.create();
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([door.namespace]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  fleet?.end();
  await removeEverything();
});

test.serial(
  'stations of profiles 1, 2 and 3 get in, others do not, and kubectl shows a secured cluster',
  async (t) => {
    const [one, two] = await fleet.register(['P1', 'P2']);
    if (one === undefined || two === undefined) return t.fail('two stations were made');
    one.way = { url: fleet.urls.basic, password: one.way.password ?? '' };
    const three = new Station('P3', await fleet.byCertificate('P3'));
    t.is(await statusOf(three), 401, 'a certificate is no entry');
    await stationsProgram(['set', 'P3', '--profile', '3']);
    for (const station of [one, two, three]) {
      await station.connect();
      await station.heartbeat();
      station.end();
    }
    t.is(await statusOf(new Station('P2', fleet.byPassword())), 401, 'another password');
    t.is(
      await statusOf(new Station('P3', await fleet.byCertificate('P2'))),
      401,
      'the certificate of another station',
    );
    await until('the condition', 60, async () => (await secured())?.status === 'True');
    const shown = await kubectl(['get', 'ocppcluster', door.cluster, '-n', door.namespace]);
    t.log(shown);
    // By its place: a column without a value yet is empty.
    const [head = '', row = ''] = shown.split('\n');
    t.regex(row.slice(head.indexOf('SECURED')), /^True /);
    return undefined;
  },
);

test.serial(
  'a server certificate is rotated under 500 live TLS sockets: none drops, and new handshakes get the new one',
  async (t) => {
    t.timeout(300_000);
    fleet.stations.push(
      ...(await fleet.registerCertified(named('CERT', EACH))),
      ...(await fleet.register(named('PASS', EACH))),
    );
    await forAll(fleet.stations, (station) => station.connect());
    const before = new Set(fleet.stations.map(({ serverSerial }) => serverSerial));

    const issued = await newServerCertificate(60);
    const from = performance.now();
    await Promise.all([putCertificate('tls', issued), putCertificate('mtls', issued)]);
    await untilMounted('the new certificate in both Pods', () => isInUse('server', ['tls', 'mtls'], 60));
    t.log(`in use after ${secondsSince(from).toFixed(1)} s`);
    const fresh = await fleet.register(named('FRESH', 8));
    await forAll(fresh, (station) => station.connect());
    for (const station of fresh) station.end();
    t.is(before.size, 1);
    t.deepEqual(new Set(fresh.map(({ serverSerial }) => serverSerial)), new Set([serialIn(issued)]));

    await fleet.heartbeats();
    t.is(fleet.open.length, 2 * EACH);
    t.deepEqual(fleet.closed, []);
  },
);

const serialIn = ({ certificate }: { readonly certificate: string }) =>
  new X509Certificate(certificate).serialNumber;

test.serial(
  'a changed password closes the socket of its station only, and the new one gets in',
  async (t) => {
    const victim = fleet.station('PASS-0007');
    const password = await stationsProgram(['new-password', victim.identity]);
    await until('its socket is closed', 30, async () => victim.closes.length > 0);
    t.deepEqual(victim.closes, [1008]);
    t.is(await statusOf(victim), 401, 'the former password');
    victim.way = fleet.byPassword(password);
    await victim.connect();
    await fleet.heartbeats();
    t.is(fleet.open.length, 2 * EACH);
    t.deepEqual(fleet.closed, [victim.identity]);
  },
);

test.serial(
  'a revoked client certificate closes the socket of its station, 499 stay, and it cannot return',
  async (t) => {
    const victim = fleet.station('CERT-0011');
    const before = fleet.closed;
    await putClientCa([await serialOf(victim.identity)], 60);
    await untilMounted('the new list in both Pods', () => isInUse('revocation-list', ['mtls'], 60));
    await until('its socket is closed', 10, async () => victim.closes.length > 0);
    t.deepEqual(victim.closes, [1008]);
    t.is(await statusOf(victim), 401);
    await fleet.heartbeats();
    t.is(fleet.open.length, 2 * EACH - 1);
    t.deepEqual(fleet.closed, [...before, victim.identity].sort());
  },
);

test.serial(
  'a key of another certificate is refused: condition and Event say which file and why, the earlier one stays',
  async (t) => {
    const [station] = await fleet.register(['KEY']);
    if (station === undefined) return t.fail('a station was made');
    const presented = async () => {
      await station.connect();
      station.end();
      return station.serverSerial;
    };
    const serial = await presented();
    const [good, other] = [await newServerCertificate(90), await newServerCertificate(90)];
    await putCertificate('tls', { ...good, key: other.key });
    const said = await untilMounted('the condition', async () => {
      const condition = await secured();
      return condition?.status === 'False' && condition;
    });
    t.log(said.message);
    t.is(said.reason, 'CertificateRejected');
    const refused = (await security())?.rejected ?? [];
    t.deepEqual(
      refused.map(({ listener }) => listener),
      ['tls'],
    );
    t.regex(refused[0]?.problem ?? '', /tls\/tls\.key .*does not belong to the certificate/);
    const event = await until('the Event', 10, () => eventsOf('TlsFilesRefused'));
    for (const text of [said.message, event]) {
      t.regex(text, /files of tls are refused .*tls\/tls\.key .*does not belong to the certificate/);
      t.notRegex(text, /mtls/);
    }
    t.is(await presented(), serial);

    await putCertificate('tls', good);
    await untilMounted('the mended files', () => isInUse('server', ['tls'], 90));
    t.is(await presented(), serialIn(good));
    await until('the condition', 30, async () => (await secured())?.status === 'True');
    t.is(fleet.open.length, 2 * EACH - 1);
    return undefined;
  },
);

const switchTo = (mode: 'Report' | 'Enforce') =>
  patch('ocppcluster', door.cluster, door.namespace, { spec: { authentication: { mode } } });

test.serial(
  'from Report to Enforce with 10 % unknown stations: the status has their number, and exactly those are refused',
  async (t) => {
    const [known, closed] = [fleet.open, fleet.closed];
    const unknown = named('NEW', Math.round(known.length / 9)).map((identity) => fleet.unknown(identity));
    t.teardown(() => unknown.forEach((station) => station.end()));
    await switchTo('Report');
    let probes = 0;
    await untilMounted('an unknown station gets in', async () => {
      const probe = fleet.unknown(`PROBE-${++probes}`);
      const status = await statusOf(probe);
      probe.end();
      return status === 101;
    });
    // The other Pod may be seconds later.
    await forAll(unknown, (station) => station.return());
    await until(
      'their number in the status',
      60,
      async () => (await security())?.unproven === unknown.length,
    );
    const said = await secured();
    t.log(said?.message);
    t.is(said?.reason, 'ReportOnly');
    t.true(said?.message.includes(`refuse ${unknown.length} of the connected`));

    await switchTo('Enforce');
    await untilMounted('the unknown ones are closed', async () =>
      unknown.every(({ closes }) => closes.length > 0),
    );
    t.deepEqual(new Set(unknown.flatMap(({ closes }) => closes)), new Set([1008]));
    const statuses = new Set<number>();
    await forAll(unknown, async (station) => statuses.add(await statusOf(station)));
    t.deepEqual(statuses, new Set([401]));
    await fleet.heartbeats();
    t.deepEqual(fleet.open, known);
    t.deepEqual(fleet.closed, closed);
    t.is((await secured())?.status, 'True');
  },
);

test.serial(
  '2000 TLS stations that lose their connections at once return at the rate of the budget',
  async (t) => {
    t.timeout(300_000);
    const more = await fleet.register(named('STORM', STORM - fleet.open.length));
    fleet.stations.push(...more);
    await forAll(more, (station) => station.return());
    const stations = fleet.open;
    t.is(stations.length, STORM);

    const begin = Date.now();
    const returns = Promise.all(stations.map((station) => station.returnAfterLoss()));
    for (const { metadata } of await proxyPods()) killContainer(metadata.uid, 'ws-proxy.js');
    const refusals = (await returns).flat();
    const times = await sessionTimes();
    t.is(times.length, STORM);
    const { first, seconds, each } = paceOf(times);
    const ideal = STORM / BUDGET;
    t.log(
      `${STORM} stations return in ${seconds.toFixed(1)} s, ${(seconds / ideal).toFixed(2)} times ${ideal} s at ${BUDGET}/s; the ` +
        `first ${((first - begin) / 1000).toFixed(1)} s after the proxies were killed; ${refusals.length} answers with Retry-After`,
    );
    t.log(`per second: ${each.join(' ')}`);
    const waits = refusals.map(({ status, after }) => `${status} ${after}s`).sort();
    t.log(
      [...new Set(waits)].map((wait) => `${waits.filter((one) => one === wait).length} x ${wait}`).join(', '),
    );
    // 1.17 times on a machine that does nothing else.
    t.true(seconds < 2 * ideal, `${seconds} s`);
    t.true(seconds > 0.7 * ideal, `${seconds} s: faster than the budget permits`);
    await fleet.heartbeats();
    t.deepEqual(fleet.open, stations);
    await until('no unproven station', 60, async () => (await security())?.unproven === 0);
  },
);
