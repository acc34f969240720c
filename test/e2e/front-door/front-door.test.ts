/**
 * The front door on a real cluster: certificates from Secrets that change under live sockets, passwords and certificates that are
 * taken away, the way from Report to Enforce, and a storm. The tests build on each other: the stations stay connected from one to the next.
 */
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { clientCertificate } from '../../support/certificates.ts';
import { createNamespace, diagnostics, removeEverything, startAfresh } from '../environment.ts';
import { kubectl, until } from '../kubectl.ts';
import {
  createDoor,
  door,
  doorUrls,
  newServerCertificate,
  putCertificate,
  secured,
  security,
  serverAuthority,
  stationsProgram,
  untilMounted,
} from './door.ts';
import { contextOf, forAll, Station, statusOf, type Way } from './stations.ts';

/** Of profile 2 and of profile 3 each. */
const EACH = 250;
const CLIENT_CA = 'Station CA';

const newPassword = () => randomBytes(12).toString('hex');
const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(4, '0')}`);

/** Connected from the first test on. */
const fleet: Station[] = [];
let urls: Awaited<ReturnType<typeof doorUrls>>;
let ca: string;

const withPassword = (password: string): Way => ({ url: urls.tls, context: contextOf(ca), password });
async function withCertificate(identity: string): Promise<Way> {
  return { url: urls.mtls, context: contextOf(ca, await clientCertificate(identity, CLIENT_CA)) };
}

/** Adds stations to the register, each with a password of its own. */
async function registered(identities: readonly string[]): Promise<Station[]> {
  const stations = identities.map((identity) => new Station(identity, withPassword(newPassword())));
  const lines = stations.map(({ identity, way }) => `${identity} ${way.password}\n`);
  await stationsProgram(['import'], lines.join(''));
  return stations;
}

const openOnes = () => fleet.filter(({ isOpen }) => isOpen);

test.before('one image, one operator, and a cluster with three listeners', async (t) => {
  t.timeout(600_000);
  await startAfresh();
  await createNamespace(door.namespace);
  await createDoor(await newServerCertificate(30));
  urls = await doorUrls();
  ca = (await serverAuthority()).certificate;
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([door.namespace]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  for (const station of fleet) station.end();
  await removeEverything();
});

test.serial(
  'stations of profiles 1, 2 and 3 prove who they are, and kubectl shows that the cluster is secured',
  async (t) => {
    const [basic, tls] = await registered(['P1', 'P2']);
    if (basic === undefined || tls === undefined) return t.fail('two stations were made');
    basic.way = {
      url: urls.basic,
      ...(basic.way.password !== undefined && { password: basic.way.password }),
    };
    const mutual = new Station('P3', await withCertificate('P3'));
    // A certificate is no entry: the register says which stations there are.
    t.is(await statusOf(mutual), 401);
    await stationsProgram(['set', 'P3', '--profile', '3']);
    for (const station of [basic, tls, mutual]) {
      await station.connect();
      await station.heartbeat();
      station.end();
    }
    t.is(await statusOf(new Station('P2', withPassword(newPassword()))), 401, 'another password');
    t.is(
      await statusOf(new Station('P3', await withCertificate('P2'))),
      401,
      'the certificate of another station',
    );
    await until('the condition', 60, async () => (await secured())?.status === 'True');
    const shown = await kubectl(['get', 'ocppcluster', door.cluster, '-n', door.namespace]);
    t.log(shown);
    const [head = '', row = ''] = shown.split('\n');
    const column = head.split(/ {2,}/).indexOf('SECURED');
    t.is(row.split(/ {2,}/)[column], 'True');
    return undefined;
  },
);

test.serial(
  'a server certificate is rotated under 500 live TLS sockets: none drops, and new handshakes get the new one',
  async (t) => {
    t.timeout(300_000);
    const certified = named('CERT', EACH);
    await stationsProgram(['import'], certified.join('\n'));
    for (const identity of certified) fleet.push(new Station(identity, await withCertificate(identity)));
    fleet.push(...(await registered(named('PASS', EACH))));
    await forAll(fleet, (station) => station.connect());
    t.is(openOnes().length, 2 * EACH);
    const [before] = new Set(fleet.map(({ serverSerial }) => serverSerial));

    const issued = await newServerCertificate(60);
    await Promise.all([putCertificate('tls', issued), putCertificate('mtls', issued)]);
    const from = performance.now();
    const expected = new Date(Date.now() + 50 * 86_400_000).toISOString();
    // The earliest of all Pods.
    await untilMounted('the new certificate in both Pods', async () => {
      const shown = (await security())?.certificates ?? [];
      const servers = shown.filter(({ what }) => what === 'server');
      return servers.length === 2 && servers.every(({ notAfter }) => notAfter > expected);
    });
    t.log(`in the status after ${((performance.now() - from) / 1000).toFixed(1)} s`);
    const probes = await registered(named('PROBE', 8));
    await forAll(probes, (station) => station.connect());
    const serials = new Set(probes.map(({ serverSerial }) => serverSerial));
    for (const probe of probes) probe.end();
    t.is(serials.size, 1);
    t.false(serials.has(before ?? ''), 'new handshakes get the new certificate');

    await forAll(fleet, (station) => station.heartbeat());
    t.deepEqual(
      fleet.filter(({ isOpen, closes }) => !isOpen || closes.length > 0).map(({ identity }) => identity),
      [],
      'no socket was closed',
    );
  },
);
