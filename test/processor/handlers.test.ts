/** Responses to messages of a station in each version, and decisions about tokens. */
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { validateResponse } from '../../services/ocpp/schema.ts';
import { inConcurrentTransaction, TOKEN_STATUSES } from '../../services/csms/tokens.ts';
import {
  NOW,
  call,
  resultOf,
  written,
  later,
  type Given,
  start16,
  stop16,
  boot2,
  token2,
  event2,
  listed,
} from './stations.ts';

test('a boot and connector statuses are stored in the station’s record', async (t) => {
  const boot = await call('ocpp2.0.1', 'BootNotification', boot2);
  t.deepEqual(written(boot), [
    [
      'set',
      'station:CP-1',
      {
        vendor: 'Acme',
        model: 'DC-9',
        firmware: '4.2',
        bootReason: 'PowerUp',
        protocol: 'ocpp2.0.1',
        boot: 'Accepted',
        bootedAt: NOW,
      },
    ],
  ]);
  t.like(boot.events[0], { type: 'station-booted', stationId: 'CP-1' });

  const fault = { connectorId: 2, errorCode: 'GroundFailure', status: 'Faulted', timestamp: NOW };
  const status = await call('ocpp1.6', 'StatusNotification', fault);
  const facts = { connector: '2', status: 'Faulted', at: NOW, errorCode: 'GroundFailure' };
  t.deepEqual(written(status), [['set', 'station:CP-1', { 'status:2': JSON.stringify(facts) }]]);
  t.deepEqual(status.events[0]?.fields, facts);
});

const TOKENS: readonly [what: string, Given, status16: string, status2: string][] = [
  ['accepted', { records: listed('ABC123', { status: 'Accepted' }) }, 'Accepted', 'Accepted'],
  ['blocked', { records: listed('ABC123', { status: 'Blocked' }) }, 'Blocked', 'Blocked'],
  [
    'expired',
    { records: listed('ABC123', { status: 'Accepted', expiry: '2026-11-23T09:59:59Z' }) },
    'Expired',
    'Expired',
  ],
  [
    'valid until later',
    { records: listed('ABC123', { status: 'Accepted', expiry: '2026-11-23T10:00:01Z' }) },
    'Accepted',
    'Accepted',
  ],
  ['blocked in lower case', { records: listed('abc123', { status: 'Blocked' }) }, 'Blocked', 'Blocked'],
  [
    'blocked as the station sends it',
    { records: listed('AbC123', { status: 'Blocked' }) },
    'Blocked',
    'Blocked',
  ],
  ['listed with a mistake', { records: listed('ABC123', 'Accepted') }, 'Invalid', 'Invalid'],
  [
    'listed with a bad date',
    { records: listed('ABC123', { status: 'Accepted', expiry: 'soon' }) },
    'Invalid',
    'Invalid',
  ],
  ...(
    [
      ['ConcurrentTx', 'ConcurrentTx'],
      ['NoCredit', 'Blocked'],
      ['NotAllowedTypeEVSE', 'Blocked'],
      ['NotAtThisLocation', 'Blocked'],
      ['NotAtThisTime', 'Blocked'],
      ['Unknown', 'Invalid'],
    ] as const
  ).map(([status, in16]): (typeof TOKENS)[number] => [
    `listed as ${status}`,
    { records: listed('ABC123', { status }) },
    in16,
    status,
  ]),
  [
    'listed with its type in other case',
    { records: listed('ABC123', { status: 'Accepted', type: 'iso14443' }) },
    'Accepted',
    'Accepted',
  ],
  [
    'listed with another type, which 1.6 does not know',
    {
      records: listed('ABC123', { status: 'Accepted', type: 'KeyCode', parent: 'FLEET-7' }),
      unknownTokens: 'Accept',
    },
    'Accepted',
    'Invalid',
  ],
  [
    'listed with a type that is none',
    { records: listed('ABC123', { status: 'Accepted', type: 5 }) },
    'Invalid',
    'Invalid',
  ],
  ['unknown and accepted', { unknownTokens: 'Accept' }, 'Accepted', 'Accepted'],
  ['unknown and rejected', { unknownTokens: 'Reject' }, 'Invalid', 'Unknown'],
];

for (const [what, given, status16, status2] of TOKENS) {
  test(`a token that is ${what} gets the same decision in every message`, async (t) => {
    const answers: [Protocol, string, object, string, string][] = [
      ['ocpp1.6', 'Authorize', { idTag: 'AbC123' }, 'idTagInfo', status16],
      ['ocpp1.6', 'StartTransaction', start16, 'idTagInfo', status16],
      ['ocpp1.6', 'StopTransaction', { ...stop16, idTag: 'AbC123' }, 'idTagInfo', status16],
      ...later.flatMap((version): [Protocol, string, object, string, string][] => [
        [version, 'Authorize', { idToken: token2 }, 'idTokenInfo', status2],
        [version, 'TransactionEvent', event2('Started', 0, { idToken: token2 }), 'idTokenInfo', status2],
      ]),
    ];
    for (const [protocol, action, request, field, status] of answers) {
      const result = resultOf(await call(protocol, action, request, given));
      t.like(result[field], { status }, `${protocol} ${action}`);
      t.is(validateResponse(protocol, action, result), undefined);
    }
  });
}

test('limits of a token are sent to stations of 2.1, with the events of its own transaction', async (t) => {
  const records = {
    ...listed('ABC123', { status: 'Accepted', maxEnergyWh: 20_000.5, maxDurationSeconds: 7200 }),
    'transaction:CP-1:other': { stationId: 'CP-1', transactionId: 'other', idTag: 'CARD-2', startedAt: NOW },
    'transaction:CP-1:own': { stationId: 'CP-1', transactionId: 'own', idTag: 'aBC123', startedAt: NOW },
  };
  const transactionLimit = { maxEnergy: 20_000.5, maxTime: 7200 };
  const limitOf = async (
    protocol: Protocol,
    type: string,
    transactionId: string,
    given: object = records,
  ) => {
    const event = event2(type, 1, { idToken: token2, transactionInfo: { transactionId } });
    const result = resultOf(
      await call(protocol, 'TransactionEvent', event, { records: given as Given['records'] & object }),
    );
    t.is(validateResponse(protocol, 'TransactionEvent', result), undefined);
    return result['transactionLimit'];
  };
  t.deepEqual(await limitOf('ocpp2.1', 'Started', 'new'), transactionLimit);
  t.deepEqual(await limitOf('ocpp2.1', 'Updated', 'own'), transactionLimit);
  t.is(await limitOf('ocpp2.1', 'Updated', 'other'), undefined, 'another card stops it');
  t.is(await limitOf('ocpp2.1', 'Ended', 'own'), undefined);
  t.is(await limitOf('ocpp2.0.1', 'Started', 'new'), undefined, 'it has no such field');
  const blocked = listed('ABC123', { status: 'Blocked', maxEnergyWh: 1 });
  t.is(await limitOf('ocpp2.1', 'Started', 'new', blocked), undefined);
  const onlyTime = listed('ABC123', { status: 'Accepted', maxDurationSeconds: 1 });
  t.deepEqual(await limitOf('ocpp2.1', 'Started', 'new', onlyTime), { maxTime: 1 });
  const wrong = listed('ABC123', { status: 'Accepted', maxEnergyWh: '5' });
  const result = resultOf(await call('ocpp2.1', 'Authorize', { idToken: token2 }, { records: wrong }));
  t.like(result['idTokenInfo'], { status: 'Invalid' }, 'a mistake authorizes nothing');
});

test('parent and expiry of a token have the format of each version', async (t) => {
  const records = listed('ABC123', { status: 'Accepted', expiry: '2027-01-01', parent: 'FLEET-7' });
  const expiry = '2027-01-01T00:00:00.000Z';
  t.deepEqual(resultOf(await call('ocpp1.6', 'Authorize', { idTag: 'abc123' }, { records })), {
    idTagInfo: { status: 'Accepted', expiryDate: expiry, parentIdTag: 'FLEET-7' },
  });
  t.deepEqual(resultOf(await call('ocpp2.1', 'Authorize', { idToken: token2 }, { records })), {
    idTokenInfo: {
      status: 'Accepted',
      cacheExpiryDateTime: expiry,
      groupIdToken: { idToken: 'FLEET-7', type: 'Central' },
    },
  });
});

test('a token of another type gets no data of the entry', async (t) => {
  const entry = { status: 'Accepted', expiry: '2027-01-01', parent: 'FLEET-7', type: 'KeyCode' };
  const answer = await call(
    'ocpp2.0.1',
    'Authorize',
    { idToken: token2 },
    { records: listed('ABC123', entry) },
  );
  t.deepEqual(resultOf(answer), { idTokenInfo: { status: 'Invalid' } });
});

test('only an accepted token can be refused for charging twice', (t) => {
  const expiry = '2027-01-01T00:00:00.000Z';
  t.deepEqual(inConcurrentTransaction({ status: 'Accepted', expiry }), { status: 'ConcurrentTx', expiry });
  for (const status of TOKEN_STATUSES) {
    const { status: answered } = inConcurrentTransaction({ status });
    t.is(answered, status === 'Accepted' ? 'ConcurrentTx' : status);
  }
});

test('2.x: a start button has no token and is accepted under every policy (C02)', async (t) => {
  const request = { idToken: { idToken: '', type: 'NoAuthorization' } };
  const result = resultOf(await call('ocpp2.0.1', 'Authorize', request, { unknownTokens: 'Reject' }));
  t.like(result, { idTokenInfo: { status: 'Accepted' } });
});
