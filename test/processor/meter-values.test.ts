/** Which meter values are stored completely, beside the register that a transaction is billed by. */
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { call, energy, event2, later, NOW, open16, stop16, keyOf } from './stations.ts';

const sample = { timestamp: NOW, sampledValue: [{ value: '1600' }] };
const proof16 = { timestamp: NOW, sampledValue: [{ value: 'AF01', format: 'SignedData' }] };
const signedMeterValue = {
  signedMeterData: 'AF01',
  signingMethod: 'ECDSA',
  encodingMethod: 'OCMF',
  publicKey: 'k',
};
const proof2 = { timestamp: NOW, sampledValue: [{ value: 1.6, signedMeterValue }] };
const plain2 = energy(1.6, 'Sample.Periodic');
const metered = { connectorId: 1, meterValue: [sample, proof16] };
const evented = (eventType: string) =>
  event2(eventType, 1, { evse: { id: 2 }, meterValue: [plain2, proof2] });

const records = {
  'transaction:17': open16,
  'transaction:CP-1:tx:1': { stationId: 'CP-1', transactionId: 'tx:1', evseId: '2', seqNo: '0' },
};
const of16 = { stationId: 'CP-1', connectorId: '1' };
const of2 = { stationId: 'CP-1', evseId: '2', transactionId: 'tx:1' };

const KEPT: readonly [what: string, Protocol, string, object, about: object, values: readonly object[]][] = [
  ['outside of a transaction: all', 'ocpp1.6', 'MeterValues', metered, of16, [sample, proof16]],
  [
    'of a running transaction: signed ones',
    'ocpp1.6',
    'MeterValues',
    { ...metered, transactionId: 17 },
    { ...of16, transactionId: '17' },
    [proof16],
  ],
  [
    'of a transaction that is not open: all',
    'ocpp1.6',
    'MeterValues',
    { ...metered, transactionId: 18 },
    { ...of16, transactionId: '18' },
    [sample, proof16],
  ],
  [
    'transactionData: all',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, transactionData: [sample, proof16] },
    { ...of16, transactionId: '17' },
    [sample, proof16],
  ],
  ...later.flatMap((version): (typeof KEPT)[number][] => [
    [
      'outside of a transaction: all',
      version,
      'MeterValues',
      { evseId: 1, meterValue: [plain2] },
      { stationId: 'CP-1', evseId: '1' },
      [plain2],
    ],
    ['of a running transaction: signed ones', version, 'TransactionEvent', evented('Updated'), of2, [proof2]],
    [
      'of the end of a transaction: all',
      version,
      'TransactionEvent',
      evented('Ended'),
      of2,
      [plain2, proof2],
    ],
  ]),
];

for (const [what, protocol, action, request, about, values] of KEPT) {
  test(`${protocol} ${action}, ${what} are stored as the station sent them`, async (t) => {
    const outcome = await call(protocol, action, request, { records });
    const kept = outcome.writes.filter((write) => keyOf(write) === 'meter-values');
    const fields = { ...about, values: JSON.stringify(values) };
    t.deepEqual(kept, [{ kind: 'append', key: 'meter-values', fields, maxLength: 10_000 }]);
    const again = await call(protocol, action, request, { records });
    t.is(again.businessKey, outcome.businessKey);
    t.is(typeof outcome.businessKey, 'string', 'a repetition is not kept twice');
  });
}

test('unsigned values of a running transaction without a register are not stored', async (t) => {
  const meterValue = [{ timestamp: NOW, sampledValue: [{ value: '230', measurand: 'Voltage' }] }];
  const request = { connectorId: 1, transactionId: 17, meterValue };
  const outcome = await call('ocpp1.6', 'MeterValues', request, { records });
  t.deepEqual([outcome.writes, outcome.businessKey], [[], undefined]);
});

test('a register that cannot be read has a key: repeated after a readable one, it would hide that one', async (t) => {
  const reading = (value: string) => ({
    connectorId: 1,
    transactionId: 17,
    meterValue: [{ timestamp: NOW, sampledValue: [{ value }] }],
  });
  const unreadable = await call('ocpp1.6', 'MeterValues', reading('12,5 kWh?'), { records });
  t.is(typeof unreadable.businessKey, 'string');
  const readable = await call('ocpp1.6', 'MeterValues', reading('1250'), { records });
  t.is(readable.businessKey, undefined);
});

test('many meter values in one message are split into short entries without loss', async (t) => {
  const transactionData = Array.from({ length: 1000 }, (_, n) => ({
    timestamp: NOW,
    sampledValue: [{ value: `${n}` }],
  }));
  const { writes } = await call('ocpp1.6', 'StopTransaction', { ...stop16, transactionData }, { records });
  const texts = writes.flatMap((write) =>
    write.kind === 'append' && write.key === 'meter-values' ? [write.fields['values'] ?? ''] : [],
  );
  t.true(texts.length > 1);
  for (const text of texts) t.true(text.length < 20_000);
  t.deepEqual(
    texts.flatMap((text) => JSON.parse(text) as unknown[]),
    transactionData,
  );
});
