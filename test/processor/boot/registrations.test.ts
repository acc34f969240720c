/** Stations that the network has not accepted: their responses, and the messages that are accepted nevertheless. */
import test from 'ava';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { createRegistrations } from '../../../services/csms/registrations.ts';
import { SAMPLES } from '../station-messages.ts';
import { call, errorOf, NOW, resultOf } from '../stations.ts';

const registered = (status: string) => ({ records: { registrations: { 'CP-1': status } } });
const TRANSACTIONS = ['StartTransaction', 'StopTransaction', 'MeterValues', 'TransactionEvent'];
/** Messages that a CSMS requests while a station is Pending (B02.FR.09). */
const ASKED_FOR = [
  'DiagnosticsStatusNotification',
  'FirmwareStatusNotification',
  'LogStatusNotification',
  'NotifyReport',
  'PublishFirmwareStatusNotification',
  'SignCertificate',
  'SignedFirmwareStatusNotification',
];

for (const status of ['Pending', 'Rejected']) {
  const served = new Set(['BootNotification', ...TRANSACTIONS, ...(status === 'Pending' ? ASKED_FOR : [])]);
  test(`a ${status} station gets its status at boot; other CALLs except transaction messages get SecurityError`, async (t) => {
    for (const [protocol, action, request] of SAMPLES) {
      const outcome = await call(protocol, action, request, registered(status));
      const expected = served.has(action) ? undefined : 'SecurityError';
      t.is(errorOf(outcome), expected, `${protocol} ${action}`);
      if (expected !== undefined) t.deepEqual([outcome.writes, outcome.events], [[], []]);
      if (action !== 'BootNotification') continue;
      t.deepEqual(resultOf(outcome), { status, currentTime: NOW, interval: 300 });
      t.like(outcome.writes[0], { fields: { boot: status } });
      t.like(outcome.events[0], { type: 'station-booted', fields: { status } });
    }
  });
}

test('calls that waited for a station are held while it is rejected: the response to its boot decides', async (t) => {
  const rows = [
    ['Rejected', undefined, 'BootNotification', true],
    ['Rejected', undefined, 'Heartbeat', true],
    ['Accepted', 'Rejected', 'BootNotification', undefined],
    ['Accepted', 'Rejected', 'Heartbeat', true],
    ['Pending', undefined, 'BootNotification', undefined],
    ['Accepted', undefined, 'Heartbeat', undefined],
  ] as const;
  for (const [status, booted, name, held] of rows) {
    for (const [protocol, action, request] of SAMPLES.filter((sample) => sample[1] === name)) {
      const given = { ...registered(status), ...(booted !== undefined && { registration: booted }) };
      const outcome = await call(protocol, action, request, given);
      t.is(outcome.holdsCalls, held, `${protocol} ${action} ${status} ${booted}`);
    }
  }
});

test('an unlisted station is accepted with or without a boot; a faulty entry counts as Pending', async (t) => {
  const heartbeat = async (stationId: string, entry: string) => {
    const given = { records: { registrations: { 'CP-1': entry } }, stationId };
    return errorOf(await call('ocpp1.6', 'Heartbeat', {}, given));
  };
  t.is(await heartbeat('CP-2', 'Rejected'), undefined);
  t.is(await heartbeat('constructor', 'Rejected'), undefined);
  t.is(await heartbeat('CP-1', 'Accepted'), undefined);
  t.is(await heartbeat('CP-1', 'rejcted'), 'SecurityError');
  for (const [protocol, action, request] of SAMPLES.filter(([, name]) => name === 'BootNotification')) {
    const given = registered('accepted?');
    t.is(resultOf(await call(protocol satisfies Protocol, action, request, given))['status'], 'Pending');
  }
});

test('the list is read every five seconds, and the last one is used while Redis is unavailable', async (t) => {
  let now = 0;
  let reads = 0;
  let list: () => Promise<Record<string, string> | undefined> = async () => undefined;
  const record = () => {
    reads += 1;
    return list();
  };
  const field = async (_key: string, name: string) => (await list())?.[name];
  const of = createRegistrations({ record, field }, { now: () => now });
  list = () => Promise.reject(new Error('away'));
  await t.throwsAsync(of('CP-1'), { message: 'away' });
  list = async () => ({ 'CP-1': 'Pending' });
  t.deepEqual(await Promise.all([of('CP-1'), of('CP-2')]), ['Pending', 'Accepted']);
  t.is(reads, 2);
  now = 4999;
  list = async () => ({ 'CP-2': 'Pending' });
  t.is(await of('CP-1'), 'Accepted', 'an old list refuses no station');
  t.is(await of('CP-2'), 'Accepted', 'an old list may admit a station');
  t.is(await of('CP-2', 'Pending'), 'Pending', 'but not after a boot that was answered otherwise');
  t.is(reads, 2);
  now = 5000;
  list = () => Promise.reject(new Error('away'));
  t.is(await of('CP-1'), 'Pending');
  list = async () => undefined;
  t.is(await of('CP-1'), 'Accepted', 'an emptied list accepts everybody');
});
