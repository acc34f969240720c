/** The front door on a real socket over a real Redis: cases 34 and 37 of the corner cases, the register, Report and Enforce. */
import test from 'ava';
import { until } from '../../support/until.ts';
import { basic, hasher, knock, openDoor, statusOf } from './door.ts';

const password = 'correct horse battery';
const of = (identity: string) => ({ password: hasher.hash(identity, password) });

test('profile 1: the password of the register opens the door, everything else gets the same 401 before the upgrade (case 34)', async (t) => {
  await using door = await openDoor();
  const port = door.ports.get(1);
  await door.register('CP-1', of('CP-1'));
  await door.register('A:B', { password: hasher.hash('A:B', 'pä:ss:wörd:with:colons') });
  await door.register('BLOCKED', { ...of('BLOCKED'), blocked: true });
  await door.register('BROKEN', { password: 'in clear' });
  t.is(await statusOf(port, 'CP-1', basic('CP-1', password)), 101);
  t.is(await statusOf(port, 'CP-1', basic('CP-1', password).replace('Basic ', 'basic   ')), 101);
  t.is(await statusOf(port, 'A:B', basic('A:B', 'pä:ss:wörd:with:colons')), 101);
  const refused = [
    ['wrong', 'CP-1', basic('CP-1', 'wrong password here')],
    ['another user', 'CP-1', basic('CP-2', password)],
    ['none', 'CP-1'],
    ['another scheme', 'CP-1', 'Authorization: Bearer abc'],
    ['unknown', 'NEVER-SEEN', basic('NEVER-SEEN', password)],
    ['blocked', 'BLOCKED', basic('BLOCKED', password)],
    ['an unusable entry', 'BROKEN', basic('BROKEN', password)],
  ] as const;
  for (const [name, identity, ...headers] of refused) {
    const { station, answer } = await knock(port, identity, ...headers);
    t.is(answer.status, 401, name);
    t.is(answer.headers.get('www-authenticate'), 'Basic realm="OCPP"', name);
    t.is(answer.headers.get('content-length'), '22', `${name}: the same text for all`);
    await until(() => station.ended, 'the connection to end');
  }
  const { text } = await door.proxy.ask('/metrics');
  for (const reason of [
    'password',
    'user-name',
    'no-credentials',
    'malformed-credentials',
    'unknown-station',
    'blocked',
    'bad-entry',
  ])
    t.regex(
      text,
      new RegExp(`^ocpp_proxy_handshakes_refused_total\\{status="401",reason="${reason}"\\} 1$`, 'm'),
      reason,
    );
  const line = /"stationId":"NEVER-SEEN","status":401,"code":"unknown-station"/;
  await until(() => line.test(door.proxy.log), 'the line of the log');
  t.notRegex(door.proxy.log, /correct horse|wrong password|Basic |Q1AtMT/, 'no password reaches a log');
});

test('an unknown station gets 404 only where that is configured, and gets in where the policy accepts it', async (t) => {
  await using door = await openDoor();
  const port = door.ports.get(1);
  t.is(await statusOf(port, 'CP-9', basic('CP-9', password)), 401);
  await door.setting('OCPP_UNKNOWN_STATION_STATUS', '404');
  // Each time another one: guesses are slowed.
  let tried = 0;
  const stranger = async () => {
    const identity = `STRANGER-${tried++}`;
    return statusOf(port, identity, basic(identity, password));
  };
  await until(async () => (await stranger()) === 404, 'the setting to apply');
  await door.register('CP-1', of('CP-1'));
  t.is(
    await statusOf(port, 'CP-1', basic('CP-1', 'wrong password here')),
    401,
    'a wrong password is never 404',
  );
  await door.setting('OCPP_UNKNOWN_STATIONS', 'Accept');
  await until(async () => (await stranger()) === 101, 'the setting to apply');
});

test('a lower profile than the highest that a station has used is refused, until the kept profile is reset (case 37)', async (t) => {
  await using door = await openDoor({}, [1, 0]);
  const [plain, withPassword] = [door.ports.get(0), door.ports.get(1)];
  await door.register('CP-1', of('CP-1'));
  t.is(await statusOf(plain, 'CP-1'), 101, 'it has used none yet');
  t.is(await statusOf(withPassword, 'CP-1', basic('CP-1', 'wrong password here')), 401);
  t.is(await statusOf(plain, 'CP-1'), 101, 'a failed attempt keeps nothing');
  t.is(await statusOf(withPassword, 'CP-1', basic('CP-1', password)), 101);
  t.is(await door.commands.hget('ocpp:station-profiles', 'CP-1'), '1');
  t.is(await statusOf(plain, 'CP-1'), 401);
  const line = /"code":"downgrade","reason":"it has used security profile 1, this listener has 0"/;
  await until(() => line.test(door.proxy.log), 'the line of the log');
  await door.commands.hdel('ocpp:station-profiles', 'CP-1');
  t.is(await statusOf(plain, 'CP-1'), 101);
  await door.register('CP-1', { ...of('CP-1'), profile: 1 });
  t.is(await statusOf(plain, 'CP-1'), 401, 'its entry demands more');
});

test('a changed password, a block and a removal close the socket of that station only (case 37)', async (t) => {
  await using door = await openDoor();
  const port = door.ports.get(1);
  for (const identity of ['CHANGED', 'BLOCKED', 'REMOVED', 'ROTATED', 'OTHER'])
    await door.register(identity, of(identity));
  const stations = new Map<string, Awaited<ReturnType<typeof knock>>['station']>();
  for (const identity of ['CHANGED', 'BLOCKED', 'REMOVED', 'ROTATED', 'OTHER']) {
    const { station, answer } = await knock(port, identity, basic(identity, password));
    t.is(answer.status, 101);
    stations.set(identity, station);
  }
  const next = 'another long password';
  await door.register('CHANGED', { password: hasher.hash('CHANGED', next) });
  await door.register('BLOCKED', { ...of('BLOCKED'), blocked: true });
  await door.commands.hdel('ocpp:stations', 'REMOVED');
  await door.register('ROTATED', {
    ...of('ROTATED'),
    nextPassword: hasher.hash('ROTATED', next),
    labels: { site: 'north' },
  });
  for (const identity of ['CHANGED', 'BLOCKED', 'REMOVED'])
    t.is(await stations.get(identity)?.closeCode(), 1008, identity);
  t.false(stations.get('OTHER')?.toldToGo);
  t.false(stations.get('ROTATED')?.toldToGo, 'both passwords count until the next one is used');
  t.is(await statusOf(port, 'ROTATED', basic('ROTATED', password)), 101, 'still the former one');
  t.is(await statusOf(port, 'ROTATED', basic('ROTATED', next)), 101);
  t.deepEqual(JSON.parse((await door.commands.hget('ocpp:stations', 'ROTATED')) ?? ''), {
    password: hasher.hash('ROTATED', next),
    labels: { site: 'north' },
  });
  t.is(
    await statusOf(port, 'ROTATED', basic('ROTATED', password)),
    401,
    'the former one ended when the next was used',
  );
  for (const station of stations.values()) await station[Symbol.asyncDispose]();
});

test('Report lets everyone in, counts who would be refused, and enrols; Enforce then refuses exactly the others', async (t) => {
  await using door = await openDoor({ OCPP_AUTHENTICATION_MODE: 'Report', OCPP_ENROLMENT: 'FirstSeen' });
  const port = door.ports.get(1);
  await door.register('KNOWN', of('KNOWN'));
  const came = {
    KNOWN: await knock(port, 'KNOWN', basic('KNOWN', password)),
    WRONG: await knock(
      port,
      'KNOWN-2',
      basic('KNOWN-2', 'wrong password here').replace('Authorization', 'X'),
    ),
    ENROLLED: await knock(port, 'NEW', basic('NEW', 'its first password')),
    NONE: await knock(port, 'SILENT'),
  };
  for (const [name, { answer }] of Object.entries(came)) t.is(answer.status, 101, name);
  const unproven = async () =>
    /^ocpp_proxy_sessions_unproven (\d+)$/m.exec((await door.proxy.ask('/metrics')).text)?.[1];
  t.is(await unproven(), '2');
  t.is(
    await door.commands.hget('ocpp:stations', 'NEW'),
    JSON.stringify({ password: hasher.hash('NEW', 'its first password') }),
  );
  t.is(
    await statusOf(port, 'KNOWN-3', basic('KNOWN-3', password).replace('Basic', 'Bearer')),
    101,
    'Report refuses nothing',
  );
  await until(() => door.proxy.log.includes('mode Enforce would refuse this station'), 'the line of the log');
  await door.setting('OCPP_AUTHENTICATION_MODE', 'Enforce');
  t.is(await came.NONE.station.closeCode(), 1008);
  t.is(await came.WRONG.station.closeCode(), 1008);
  t.false(came.KNOWN.station.toldToGo);
  t.false(came.ENROLLED.station.toldToGo);
  await until(async () => (await unproven()) === '0', 'no unproven station to be left');
  t.is(await statusOf(port, 'SILENT'), 401);
  t.is(await statusOf(port, 'NEW', basic('NEW', 'its first password')), 101);
  for (const { station } of Object.values(came)) await station[Symbol.asyncDispose]();
});

test('guesses are slowed with 429, and the station itself still gets in from its address', async (t) => {
  await using door = await openDoor();
  const port = door.ports.get(1);
  await door.register('CP-1', of('CP-1'));
  t.is(await statusOf(port, 'CP-1', basic('CP-1', password)), 101);
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++)
    statuses.push(
      await statusOf(port, `GUESS-${i % 3}`, basic(`GUESS-${i % 3}`, `guess number ${i} of many`)),
    );
  t.is(statuses.filter((status) => status === 401).length, 15);
  t.is(statuses.filter((status) => status === 429).length, 15);
  t.is(await statusOf(port, 'CP-1', basic('CP-1', password)), 101);
});
