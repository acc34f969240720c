/** Stations that the network has not accepted: what they are told, and what is taken from them all the same. */
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { createRegistrations } from '../../services/csms/registrations.ts';
import { SAMPLES } from './station-messages.ts';
import { call, errorOf, NOW, resultOf } from './stations.ts';

const registered = (status: string) => ({ records: { registrations: { 'CP-1': status } } });
const TRANSACTIONS = ['StartTransaction', 'StopTransaction', 'MeterValues', 'TransactionEvent'];
/** What a CSMS asks for while a station is Pending (B02.FR.09). */
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
  test(`a station that is ${status} is told so at boot, and other CALLs get SecurityError but never a transaction message`, async (t) => {
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

test('who is not listed is served, whether it booted on this connection or not; a mistake in the list waits', async (t) => {
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

test('the list is read every five seconds, not for every message, and an old one serves while Redis is away', async (t) => {
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
  t.is(await of('CP-1'), 'Accepted', 'nobody is refused by an old list');
  t.is(await of('CP-2'), 'Accepted', 'somebody may be served by one');
  t.is(await of('CP-2', 'Pending'), 'Pending', 'but not after a boot that was answered otherwise');
  t.is(reads, 2);
  now = 5000;
  list = () => Promise.reject(new Error('away'));
  t.is(await of('CP-1'), 'Pending');
  list = async () => undefined;
  t.is(await of('CP-1'), 'Accepted', 'an emptied list accepts everybody');
});
