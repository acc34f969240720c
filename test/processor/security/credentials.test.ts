/** Passwords that change through OCPP: what is recognised, and what the register holds whatever the station answers. */
import test from 'ava';
import { PasswordHasher } from '../../../services/access/password-hash.ts';
import { checkPasswordKey } from '../../../services/access/password-key.ts';
import { readStationEntry, type StationEntry, withUsed } from '../../../services/access/station-entry.ts';
import {
  type Command,
  createCommands,
  createPasswordChange,
} from '../../../services/csms/commands/commands.ts';
import { passwordStore } from '../../../services/csms/credentials/password-change.ts';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { GatewayClientTransport } from '../../../services/transport/gateway-client.ts';
import { createMemoryBus } from '../../../services/transport/memory/bus.ts';
import { until } from '../../support/until.ts';

const KEY = 'a key of the stored passwords';
const HEX = 'aabbccddeeff00112233445566778899aabbccdd';
const OTHER_HEX = HEX.toUpperCase().replace('AA', '11');
const TEXT = 'new-password-of-CP-1';
const hasher = new PasswordHasher(Buffer.from(KEY));
const OLD = hasher.hash('CP-1', 'old-password-of-CP-1');

const change16 = (value: string, key = 'AuthorizationKey') => ({
  action: 'ChangeConfiguration',
  payload: { key, value },
});
const item = (attributeValue: string, component = 'SecurityCtrlr', variable = 'BasicAuthPassword') => ({
  attributeValue,
  component: { name: component },
  variable: { name: variable },
});
const change2 = (...setVariableData: readonly object[]) => ({
  action: 'SetVariables',
  payload: { setVariableData },
});
const profile = (basicAuthPassword: string, more: object = {}) => ({
  action: 'SetNetworkProfile',
  payload: {
    configurationSlot: 1,
    connectionData: {
      ocppInterface: 'Wired0',
      ocppTransport: 'JSON',
      messageTimeout: 30,
      ocppCsmsUrl: 'wss://ocpp.example.com/ocpp',
      securityProfile: 2,
      basicAuthPassword,
      ...more,
    },
  },
});
const status2 = (attributeStatus: string) => ({
  setVariableResult: [
    { attributeStatus: 'Accepted', component: { name: 'OCPPCommCtrlr' }, variable: { name: 'X' } },
    { attributeStatus, component: { name: 'securityCtrlr' }, variable: { name: 'basicAuthPassword' } },
  ],
});

interface World {
  readonly protocol?: Protocol;
  readonly entry?: StationEntry | string;
  /** The payload of the result; a text is the code of an error; undefined: no answer. */
  readonly answer?: object | string;
  readonly key?: string;
  readonly offline?: boolean;
  /** Of another program, which used it first. */
  readonly firstKey?: string;
  /** What the proxy makes of the entry before the station answers. */
  readonly meanwhile?: (entry: StationEntry | undefined) => StationEntry;
}

async function world({ protocol = 'ocpp1.6', entry = { password: OLD }, key = KEY, ...more }: World) {
  const { answer, offline, meanwhile, firstKey = key } = more;
  const bus = createMemoryBus();
  bus.transport.onMessage(async () => ({ writes: [], events: [] }));
  await bus.transport.start();
  const text = typeof entry === 'string' ? entry : JSON.stringify(entry);
  const put = (value: string) => bus.state.apply({ kind: 'set', key: 'stations', fields: { 'CP-1': value } });
  if (text !== '') put(text);
  if (firstKey !== '') await checkPasswordKey(bus.transport.state, new PasswordHasher(Buffer.from(firstKey)));
  const fields = { protocol };
  bus.state.apply({ kind: 'set', key: 'station:CP-1', fields });
  const gateway = bus.gateway('gateway');
  const station = new GatewayClientTransport({ gateway, stationId: 'CP-1', protocol });
  const entryNow = async () => {
    const stored = await bus.transport.state.field('stations', 'CP-1');
    return stored === undefined ? undefined : readStationEntry(stored);
  };
  const asked: { payload: unknown; entry: StationEntry | undefined }[] = [];
  station.onMessage((frame) => {
    const [, id, , payload] = JSON.parse(frame) as [number, string, string, unknown];
    void entryNow().then((stored) => {
      asked.push({ payload, entry: stored });
      if (meanwhile !== undefined) put(JSON.stringify(meanwhile(stored)));
      if (typeof answer === 'object') return station.write(JSON.stringify([3, id, answer]));
      if (answer !== undefined) return station.write(JSON.stringify([4, id, answer, '', {}]));
      return undefined;
    });
  });
  if (offline !== true) await station.start();
  const warnings: string[] = [];
  const options = {
    ...(key !== '' && { passwords: passwordStore(bus.transport.state, key) }),
    onWarning: (message: string) => void warnings.push(message),
  };
  return {
    send: (command: Omit<Command, 'stationId'>) =>
      createCommands(bus.transport, options)({ ...command, stationId: 'CP-1' }),
    change: createPasswordChange(bus.transport, options),
    asked,
    warnings,
    entryNow,
    [Symbol.asyncDispose]: () => bus.transport.stop(0),
  };
}

const hashed16 = hasher.hash('CP-1', HEX.toUpperCase());
const hashed2 = hasher.hash('CP-1', TEXT);
const both = (nextPassword: string) => ({ password: OLD, nextPassword });
const former = { password: OLD };

const ANSWERS: readonly (readonly [
  what: string,
  protocol: Protocol,
  command: Omit<Command, 'stationId'>,
  answer: object | string | undefined,
  after: object,
])[] = [
  ['accepted', 'ocpp1.6', change16(HEX), { status: 'Accepted' }, both(hashed16)],
  [
    'accepted after a reboot',
    'ocpp1.6',
    change16(HEX, 'authorizationkey'),
    { status: 'RebootRequired' },
    both(hashed16),
  ],
  ['rejected', 'ocpp1.6', change16(HEX), { status: 'Rejected' }, former],
  ['not supported', 'ocpp1.6', change16(HEX), { status: 'NotSupported' }, former],
  ['answered with an error', 'ocpp1.6', change16(HEX), 'NotImplemented', former],
  ['not answered', 'ocpp1.6', { ...change16(HEX), timeoutMs: 20 }, undefined, both(hashed16)],
  ['accepted', 'ocpp2.0.1', change2(item('1', 'A', 'B'), item(TEXT)), status2('Accepted'), both(hashed2)],
  ['accepted after a reboot', 'ocpp2.1', change2(item(TEXT)), status2('RebootRequired'), both(hashed2)],
  ['rejected', 'ocpp2.1', change2(item(TEXT)), status2('Rejected'), former],
  ['unknown to the station', 'ocpp2.0.1', change2(item(TEXT)), status2('UnknownVariable'), former],
  [
    'accepted for a network configuration',
    'ocpp2.1',
    change2(item(TEXT, 'NetworkConfiguration')),
    {
      setVariableResult: [
        {
          attributeStatus: 'Accepted',
          component: { name: 'NetworkConfiguration' },
          variable: { name: 'BasicAuthPassword' },
        },
      ],
    },
    both(hashed2),
  ],
  [
    'accepted with a network profile',
    'ocpp2.1',
    profile(TEXT, { identity: 'CP-1' }),
    { status: 'Accepted' },
    both(hashed2),
  ],
  ['rejected with a network profile', 'ocpp2.1', profile(TEXT), { status: 'Rejected' }, former],
  ['not stored by the station', 'ocpp2.1', profile(TEXT), { status: 'Failed' }, former],
  ['answered without it', 'ocpp2.0.1', change2(item(TEXT)), { setVariableResult: [] }, both(hashed2)],
];

for (const [what, protocol, command, answer, after] of ANSWERS) {
  test(`${protocol}: a new password is stored before it is sent; the entry after it was ${what}`, async (t) => {
    await using one = await world({ protocol, ...(answer !== undefined && { answer }) });
    await one.send(command);
    t.is(one.asked.length, 1);
    t.deepEqual(one.asked[0]?.entry, both(protocol === 'ocpp1.6' ? hashed16 : hashed2));
    t.deepEqual(await one.entryNow(), after);
  });
}

test('a password that is not sent leaves the entry as it was', async (t) => {
  await using one = await world({ offline: true });
  t.deepEqual(await one.send(change16(HEX)), { kind: 'not-sent', reason: 'offline' });
  t.deepEqual(await one.entryNow(), former);
});

test('a command that cannot be made leaves the entry as it was', async (t) => {
  await using one = await world({});
  await t.throwsAsync(one.send({ ...change16(HEX), priority: 99 }), { code: 'bad-call' });
  t.deepEqual(await one.entryNow(), former);
});

test('a process that stops before the outcome is known leaves both passwords', async (t) => {
  await using one = await world({});
  const abandoned = t.throwsAsync(one.send(change16(HEX)), { code: 'call-abandoned' });
  await until(() => one.asked.length, 'the command at the station');
  await one[Symbol.asyncDispose]();
  await abandoned;
  t.deepEqual(await one.entryNow(), both(hashed16));
});

test('a station without an entry gets one with the new password', async (t) => {
  await using one = await world({ entry: '', answer: { status: 'Accepted' } });
  await one.send(change16(HEX));
  t.deepEqual(await one.entryNow(), { nextPassword: hashed16 });
});

test('a refused password restores the one of an earlier change without a response', async (t) => {
  const earlier = { password: OLD, nextPassword: hashed2, vendor: 'ACME' };
  await using one = await world({ entry: earlier, answer: { status: 'Rejected' } });
  await one.send({ ...change16(HEX), replacePending: true });
  t.like(one.asked[0]?.entry, { nextPassword: hashed16 });
  t.deepEqual(await one.entryNow(), earlier);
});

test('while the station may have an earlier new password, only the same one is sent: another one would lock it out', async (t) => {
  const pending = both(hashed16);
  await using one = await world({ entry: pending, answer: { status: 'Accepted' } });
  const refused = { code: 'bad-call', message: /has not used yet; let it reconnect/ };
  await t.throwsAsync(one.send(change16(OTHER_HEX)), refused);
  await t.throwsAsync(one.change({ stationId: 'CP-1' }), refused);
  t.is(one.asked.length, 0);
  t.deepEqual(await one.entryNow(), pending);
  await one.send(change16(HEX));
  t.is(one.asked.length, 1);
  t.deepEqual(await one.entryNow(), pending);
});

test('two changes without a response: the station can connect with every password that it may have', async (t) => {
  await using one = await world({});
  await one.send({ ...change16(HEX), timeoutMs: 20 });
  await t.throwsAsync(one.send({ ...change16(OTHER_HEX), timeoutMs: 20 }), { code: 'bad-call' });
  t.is(one.asked.length, 1);
  t.deepEqual(await one.entryNow(), both(hashed16));
});

for (const key of [KEY, '']) {
  test(`a password is never queued, ${key === '' ? 'without' : 'with'} a key of the stored passwords`, async (t) => {
    await using one = await world({ key, offline: true });
    const queueable = { ...change16(HEX), queueable: true };
    const message = /a password never waits for an offline station/;
    await t.throwsAsync(one.send(queueable), { code: 'bad-call', message });
    t.deepEqual(await one.send(change16(HEX)), { kind: 'not-sent', reason: 'offline' });
    t.deepEqual(await one.entryNow(), former);
  });
}

test('a password that the station has used meanwhile stays, even if the station answers Rejected', async (t) => {
  const meanwhile = (entry: StationEntry = {}) => withUsed(entry, 'nextPassword');
  await using one = await world({ answer: { status: 'Rejected' }, meanwhile });
  await one.send(change16(HEX));
  t.deepEqual(await one.entryNow(), { password: hashed16 });
});

const BROKEN: readonly (readonly [Protocol, Omit<Command, 'stationId'>, RegExp])[] = [
  ['ocpp1.6', change16('secret-but-no-hex'), /16 to 20 bytes in hexadecimal/],
  ['ocpp1.6', change16(HEX.slice(0, 30)), /16 to 20 bytes in hexadecimal/],
  ['ocpp1.6', change16(HEX.slice(1)), /16 to 20 bytes in hexadecimal/],
  ['ocpp2.0.1', change2(item('short-secret')), /16 to 64 characters/],
  ['ocpp2.1', change2(item('s'.repeat(65))), /16 to 64 characters/],
  ['ocpp2.1', change2(item(`${TEXT}\n`)), /no control characters/],
  ['ocpp2.0.1', change2(item(TEXT), item(`${TEXT}-2`)), /one value in a command/],
  ['ocpp2.1', profile('short-secret'), /16 to 64 characters/],
];

for (const [index, [protocol, command, rule]] of BROKEN.entries()) {
  test(`${protocol}: a password that breaks a rule is refused with the rule, not sent, not named (${index})`, async (t) => {
    await using one = await world({ protocol });
    const error = await t.throwsAsync(one.send(command), { code: 'bad-call', message: rule });
    t.notRegex(error?.message ?? '', /secret|new-password|sssss/);
    t.is(one.asked.length, 0);
    t.deepEqual(await one.entryNow(), former);
  });
}

test('one password for two network profiles: it is refused only if both refuse it', async (t) => {
  const slots = change2(item(TEXT), item(TEXT, 'NetworkConfiguration'));
  const results = (...statuses: readonly string[]) => ({
    setVariableResult: statuses.map((attributeStatus) => ({
      attributeStatus,
      component: { name: 'NetworkConfiguration' },
      variable: { name: 'BasicAuthPassword' },
    })),
  });
  for (const [answer, after] of [
    [results('Rejected', 'Accepted'), both(hashed2)],
    [results('Rejected', 'UnknownComponent'), former],
    [results(), both(hashed2)],
  ] as const) {
    await using one = await world({ protocol: 'ocpp2.1', answer });
    await one.send(slots);
    t.deepEqual(await one.entryNow(), after);
  }
});

test('a password for another system, or with another identity, is sent, not stored and not queued', async (t) => {
  const elsewhere = { ...profile(TEXT), keepEntry: true };
  for (const command of [elsewhere, profile(TEXT, { identity: 'CP-2' })]) {
    await using one = await world({ protocol: 'ocpp2.1', answer: { status: 'Accepted' } });
    t.like(await one.send(command), { kind: 'answered' });
    t.deepEqual(await one.entryNow(), former);
    t.deepEqual(one.warnings, []);
    await t.throwsAsync(one.send({ ...command, queueable: true }), {
      code: 'bad-call',
      message: /never waits/,
    });
    t.is(one.asked.length, 1);
  }
});

test('other keys and variables are no passwords', async (t) => {
  await using one = await world({ answer: { status: 'Accepted' } });
  await one.send(change16('300', 'HeartbeatInterval'));
  await using two = await world({ protocol: 'ocpp2.0.1', answer: status2('Accepted') });
  await two.send(change2(item('short', 'SecurityCtrlr', 'Identity'), item('x', 'Other')));
  await two.send(change2({ ...item('x'), attributeType: 'MinSet' }));
  for (const { entryNow } of [one, two]) t.deepEqual(await entryNow(), former);
});

test('an entry that cannot be read is not overwritten, and nothing is sent', async (t) => {
  await using one = await world({ entry: '{"password":', answer: { status: 'Accepted' } });
  const message = /entry in the register is unusable: the entry is not JSON; correct it first/;
  await t.throwsAsync(one.send(change16(HEX)), { code: 'bad-call', message });
  t.is(one.asked.length, 0);
});

test('without a key such a command is sent, with a warning if the register knows the station', async (t) => {
  await using one = await world({ key: '', answer: { status: 'Accepted' } });
  t.like(await one.send(change16('any text')), { kind: 'answered' });
  t.deepEqual(await one.entryNow(), former);
  t.is(one.warnings.length, 1);
  t.regex(one.warnings[0] ?? '', /keeps its former password/);
  t.notRegex(one.warnings[0] ?? '', /any text/);
  await using two = await world({ key: '', entry: '', answer: { status: 'Accepted' } });
  await two.send(change16(HEX));
  t.deepEqual(two.warnings, []);
  await t.throwsAsync(one.change({ stationId: 'CP-1' }), { code: 'bad-call', message: /passwordKey/ });
});

test('with another key than that of the register no password is sent, and the entry stays', async (t) => {
  await using one = await world({
    firstKey: 'another key of the stored passwords',
    answer: { status: 'Accepted' },
  });
  await t.throwsAsync(one.change({ stationId: 'CP-1' }), {
    code: 'bad-settings',
    message: /Restore the former/,
  });
  t.deepEqual([one.asked, await one.entryNow()], [[], former]);
});

for (const [protocol, answer, spelling] of [
  ['ocpp1.6', { status: 'Accepted' }, /^[0-9A-F]{40}$/],
  ['ocpp2.0.1', status2('Accepted'), /^[A-Za-z0-9_-]{40}$/],
] as const) {
  test(`${protocol}: a generated password is random, follows the rules, and only its hash stays`, async (t) => {
    await using one = await world({ protocol, answer });
    const first = await one.change({ stationId: 'CP-1' });
    const results = [first, await one.change({ stationId: 'CP-1', replacePending: true })];
    const sent = one.asked.map(({ payload }) => {
      const { value, setVariableData } = payload as {
        value?: string;
        setVariableData?: { attributeValue: string }[];
      };
      return value ?? setVariableData?.[0]?.attributeValue ?? '';
    });
    for (const password of sent) t.regex(password, spelling);
    t.not(sent[0], sent[1]);
    t.deepEqual(await one.entryNow(), both(hasher.hash('CP-1', sent[1] ?? '')));
    t.deepEqual(
      results.map(({ result }) => result),
      ['applied', 'applied'],
    );
    for (const password of sent) t.false(JSON.stringify(results).includes(password));
  });
}
