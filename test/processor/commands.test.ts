/** Commands to stations, and broadcasts, over the memory bus. */
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { broadcast, type Pace } from '../../services/csms/commands/broadcast.ts';
import {
  type Command,
  createCommandCalls,
  createCommands,
  createPasswordChange,
} from '../../services/csms/commands/commands.ts';
import { passwordStore } from '../../services/csms/credentials/password-change.ts';
import { GatewayClientTransport } from '../../services/transport/gateway-client.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import type { StateWrite } from '../../services/transport/stored-state.ts';

/** The positive answer of 1.6. */
const accepted = (action: string) => ({ status: action === 'UnlockConnector' ? 'Unlocked' : 'Accepted' });

async function network(
  connected: readonly string[],
  protocol: Protocol = 'ocpp1.6',
  answer: (action: string) => object = accepted,
) {
  const bus = createMemoryBus();
  bus.transport.onMessage(async () => ({ writes: [], events: [] }));
  await bus.transport.start();
  const gateway = bus.gateway('gateway');
  const got: string[] = [];
  for (const stationId of connected) {
    const station = new GatewayClientTransport({ gateway, stationId, protocol });
    station.onMessage((text) => {
      const [, id, action] = JSON.parse(text) as [number, string, string];
      got.push(stationId);
      void station.write(JSON.stringify([3, id, answer(action)]));
    });
    await station.start();
  }
  return { bus, got, send: createCommands(bus.transport) };
}

const unlock: Omit<Command, 'stationId'> = { action: 'UnlockConnector', payload: { connectorId: 1 } };
const change: Omit<Command, 'stationId'> = {
  action: 'ChangeConfiguration',
  payload: { key: 'HeartbeatInterval', value: '300' },
};

test('a command is validated against the version of its station before it is sent', async (t) => {
  const { send, got } = await network(['CP-1']);
  const stationId = 'CP-1';
  const bad: readonly (readonly [Partial<Command>, RegExp])[] = [
    [{ action: 'RequestStartTransaction', payload: {} }, /ocpp1.6 has no such action/],
    [{ payload: { connectorId: 0 } }, /\/connectorId must be at least 1/],
    [{ action: 'Heartbeat', payload: {} }, /is sent by stations, not to them/],
    [{ payload: { connectorId: 'one' } }, /\/connectorId must be integer/],
    [{ payload: {} }, /\/connectorId is missing/],
    [{ queueable: true }, /never waits for an offline station/],
    [{ protocol: 'ocpp2.0.1' }, /\/evseId is missing|is not known/],
  ];
  for (const [parts, message] of bad) {
    await t.throwsAsync(send({ ...unlock, ...parts, stationId }), { code: 'bad-call', message });
  }
  t.deepEqual(got, []);
  t.like(await send({ ...unlock, stationId }), { kind: 'answered' });
});

test('a now-or-never command is not queued for an offline station; other commands are', async (t) => {
  const { bus, send } = await network(['CP-1']);
  const boot: StateWrite = { kind: 'set', key: 'station:CP-9', fields: { protocol: 'ocpp1.6' } };
  bus.state.apply(boot);
  t.deepEqual(await send({ ...unlock, stationId: 'CP-9' }), { kind: 'not-sent', reason: 'offline' });
  const waited = await send({ ...change, stationId: 'CP-9', ttlMs: 30 });
  t.deepEqual(waited, { kind: 'not-sent', reason: 'expired' });
});

test('a station that never connected is offline; a command for it is queued only with a version', async (t) => {
  const { send } = await network([]);
  const stationId = 'never';
  t.deepEqual(await send({ ...change, stationId }), { kind: 'not-sent', reason: 'offline' });
  const waiting = { ...change, stationId, queueable: true, ttlMs: 30 };
  await t.throwsAsync(send(waiting), { code: 'bad-call', message: /set `protocol`/ });
  const named = await send({ ...waiting, protocol: 'ocpp1.6' });
  t.deepEqual(named, { kind: 'not-sent', reason: 'expired' });
});

const trigger = (requestedMessage: string) => ({ action: 'TriggerMessage', payload: { requestedMessage } });
const remoteStart = { action: 'RemoteStartTransaction', payload: { idTag: 'AB' } };
const remoteStop = { action: 'RemoteStopTransaction', payload: { transactionId: 1 } };
type Sent = Omit<Command, 'stationId'>;

/** List entry, last boot, what the station may get and what not. */
const REGISTERED: readonly (readonly [string, string, readonly Sent[], readonly Sent[], RegExp])[] = [
  ['', 'Accepted', [unlock, remoteStart], [], /-/],
  [
    'Pending',
    '',
    [unlock, change, trigger('Heartbeat')],
    [remoteStart, remoteStop],
    /the station is Pending/,
  ],
  ['', 'Pending', [change], [remoteStart], /the station is Pending/],
  ['Rejected', '', [trigger('BootNotification')], [unlock, change, remoteStart], /the station is Rejected/],
  ['Pending', 'Rejected', [trigger('BootNotification')], [change, trigger('Heartbeat')], /is Rejected/],
  ['a mistake', 'Accepted', [change], [remoteStart], /the station is Pending/],
];

test('a station that is not accepted gets only the commands that its registration allows', async (t) => {
  for (const [listed, boot, allowed, refused, message] of REGISTERED) {
    const { bus, send, got } = await network(['CP-1']);
    const stationId = 'CP-1';
    if (listed !== '') bus.state.apply({ kind: 'set', key: 'registrations', fields: { 'CP-1': listed } });
    if (boot !== '') bus.state.apply({ kind: 'set', key: 'station:CP-1', fields: { boot } });
    for (const one of refused) {
      await t.throwsAsync(send({ ...one, stationId }), { code: 'bad-call', message }, `${listed} ${boot}`);
    }
    t.is(got.length, 0);
    for (const one of allowed)
      t.like(await send({ ...one, stationId }), { kind: 'answered' }, `${listed} ${boot}`);
    if (listed !== 'Rejected' && boot !== 'Rejected') continue;
    const password = createPasswordChange(bus.transport, {
      passwords: passwordStore(bus.transport.state, 'k'.repeat(32)),
    });
    await t.throwsAsync(password({ stationId }), { code: 'bad-call', message: /is Rejected/ });
  }
});

test('the last boot of an offline station does not count: it boots before it gets anything', async (t) => {
  const { bus, send } = await network([]);
  bus.state.apply({ kind: 'set', key: 'station:CP-9', fields: { protocol: 'ocpp1.6', boot: 'Rejected' } });
  const waited = await send({ ...change, stationId: 'CP-9', queueable: true, ttlMs: 30 });
  t.deepEqual(waited, { kind: 'not-sent', reason: 'expired' });
});

const RESET: Sent = { action: 'Reset', payload: { type: 'Soft' } };
/** What a station answers, and what counts as its answer, or what is wrong with it. */
const ANSWERS: readonly (readonly [object, object | RegExp])[] = [
  [{ status: 'Accepted' }, { status: 'Accepted' }],
  [
    { status: 'Accepted', own: 1 },
    { status: 'Accepted', own: 1 },
  ],
  [{ status: ' rejected', statusInfo: null }, { status: 'Rejected' }],
  [{ status: 'Perhaps' }, /schema of Reset in ocpp1\.6: \/status must be equal to one of the allowed values/],
  [{}, /schema of Reset in ocpp1\.6: \/status is missing/],
  [{ status: 1 }, /\/status must be string/],
];

test('an answer outside of its schema is uncertain, with the answer, wherever it is read', async (t) => {
  for (const [payload, means] of ANSWERS) {
    const { bus, send } = await network(['CP-1'], 'ocpp1.6', () => payload);
    const calls = createCommandCalls(bus.transport);
    const outcome = await send({ ...RESET, stationId: 'CP-1', idempotencyKey: 'k' });
    const said = JSON.stringify(payload);
    if (means instanceof RegExp) {
      t.like(outcome, { kind: 'uncertain', reason: 'malformed', answer: { kind: 'result', payload } }, said);
      t.regex(outcome.kind === 'uncertain' ? (outcome.detail ?? '') : '', means, said);
    } else t.deepEqual(outcome, { kind: 'answered', answer: { kind: 'result', payload: means } }, said);
    t.deepEqual(await calls.make({ ...RESET, stationId: 'CP-1', idempotencyKey: 'k' }), outcome, said);
    t.deepEqual(await calls.stateOf('CP-1', 'k'), outcome, said);
    t.deepEqual(await calls.cancel('CP-1', 'k'), outcome, said);
    const { madeAt: _madeAt, ...found } = (await calls.find('CP-1', 'k')) ?? {};
    t.deepEqual(found, { action: 'Reset', protocol: 'ocpp1.6', state: outcome }, said);
  }
});

test('an answer is compared with the version to which its command was made', async (t) => {
  const { bus, send } = await network(['CP-1'], 'ocpp2.0.1', () => ({ status: 'Scheduled' }));
  const reset2 = { action: 'Reset', payload: { type: 'Immediate' }, stationId: 'CP-1', idempotencyKey: 'k' };
  const first = await send(reset2);
  t.like(first, { kind: 'answered' });
  t.deepEqual(await createCommandCalls(bus.transport).stateOf('CP-1', 'k'), first);
  bus.state.apply({ kind: 'set', key: 'registrations', fields: { 'CP-1': 'Rejected' } });
  t.deepEqual(await send(reset2), first, 'it has its outcome, whatever the registration is by now');
  await t.throwsAsync(send({ ...reset2, idempotencyKey: 'new' }), {
    code: 'bad-call',
    message: /is Rejected/,
  });
});

/** Time that passes only during a sleep. */
function paceOfTest(): Pace & { readonly slept: () => number } {
  let now = 0;
  const sleep = async (ms: number) => {
    now += Math.max(0, ms);
    // Lets the others run, as a real sleep does.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock: { now: () => now }, sleep, slept: () => now };
}

test('a broadcast to 100 000 stations keeps its pace and yields one outcome per station (case 24)', async (t) => {
  const connected = Array.from({ length: 500 }, (_, i) => `CP-${i * 200}`);
  const { send, got } = await network(connected);
  const stations = Array.from({ length: 100_000 }, (_, i) => `CP-${i}`);
  const pace = paceOfTest();
  const count = { answered: 0, offline: 0, other: 0 };
  const seen = new Set<string>();
  for await (const result of broadcast(send, { ...unlock, stations, perSecond: 1000 }, pace)) {
    seen.add(result.stationId);
    if ('error' in result) count.other++;
    else if (result.outcome.kind === 'answered') count.answered++;
    else if (result.outcome.kind === 'not-sent' && result.outcome.reason === 'offline') count.offline++;
    else count.other++;
  }
  t.deepEqual(count, { answered: 500, offline: 99_500, other: 0 });
  t.is(seen.size, 100_000);
  t.is(got.length, 500);
  t.is(pace.slept(), 99_999, 'one every millisecond');
});

test('a broadcast respects its limit of open commands, and continues after an error', async (t) => {
  let open = 0;
  let most = 0;
  const send = async ({ stationId }: Command) => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, 2));
    open--;
    if (stationId === '7') throw new Error('no contact');
    return { kind: 'not-sent', reason: 'offline' } as const;
  };
  const stations = Array.from({ length: 50 }, (_, i) => `${i}`);
  const results = [];
  const wanted = { ...unlock, stations, perSecond: 1e6, atOnce: 4 };
  for await (const result of broadcast(send, wanted)) results.push(result);
  t.is(results.length, 50);
  t.deepEqual(
    results.filter((result) => 'error' in result).map(({ stationId }) => stationId),
    ['7'],
  );
  t.true(most <= 4 && most > 1, `${most} open`);
});

test('to stop reading stops a broadcast; repeated under the same key, no station is called twice', async (t) => {
  const stations = ['CP-0', 'CP-1', 'CP-2', 'CP-3'];
  const { send, got } = await network(stations);
  const wanted = { ...unlock, stations, idempotencyKey: 'night', perSecond: 30 };
  for await (const { stationId } of broadcast(send, wanted)) if (stationId === 'CP-1') break;
  t.true(got.length < 4);
  let answered = 0;
  for await (const result of broadcast(send, wanted)) {
    if ('outcome' in result && result.outcome.kind === 'answered') answered++;
  }
  t.is(answered, 4);
  t.deepEqual(got.sort(), stations);
});
