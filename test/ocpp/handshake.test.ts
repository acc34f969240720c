import test from 'ava';
import { PROTOCOLS, type Protocol } from '../../services/ocpp/frame.ts';
import { apparentIdentity, identityOf, isIdentity } from '../../services/ocpp/identity.ts';
import { namesAny, negotiate } from '../../services/ocpp/subprotocol.ts';

test('the station chooses the version, by the order in its header', (t) => {
  const cases: readonly (readonly [string | readonly string[] | undefined, Protocol | undefined])[] = [
    ['ocpp1.6', 'ocpp1.6'],
    ['ocpp1.6,ocpp2.1', 'ocpp1.6'],
    ['ocpp2.1 ,\t ocpp1.6', 'ocpp2.1'],
    ['  ocpp2.0.1  ', 'ocpp2.0.1'],
    ['ocpp1.5, ocpp2.0, ocpp2.0.1', 'ocpp2.0.1'],
    [',,ocpp1.6', 'ocpp1.6'],
    [['ocpp1.5', 'ocpp2.0.1, ocpp1.6'], 'ocpp2.0.1'],
    ['ocpp2.0', undefined],
    ['OCPP1.6', undefined],
    ['ocpp1.6j', undefined],
    ['ocpp1 .6', undefined],
    ['', undefined],
    [[], undefined],
    [undefined, undefined],
  ];
  for (const [header, expected] of cases)
    t.is(negotiate(header, PROTOCOLS), expected, JSON.stringify(header));
  t.is(negotiate('ocpp2.1, ocpp1.6', ['ocpp1.6']), 'ocpp1.6', 'only what is offered');
});

test('a station without a subprotocol differs from one with unknown subprotocols', (t) => {
  for (const header of [undefined, '', ' , ', [], ['', ' ']]) t.false(namesAny(header));
  for (const header of ['soap', ',x', ['', 'ocpp1.5']]) t.true(namesAny(header));
});

test('a log has the requested identity, valid or not, without its query', (t) => {
  for (const [target, name] of [
    ['/ocpp//CS-1/?password=x', 'CS-1'],
    ['/CS-1#x', 'CS-1'],
    ['/ocpp/a%0Ab', 'a\nb'],
    ['/ocpp/a%G1', 'a%G1'],
    [`/ocpp/${'x'.repeat(1000)}`, 'x'.repeat(255)],
    ['/', ''],
    ['', ''],
  ] as const) {
    t.is(apparentIdentity(target), name, target);
  }
});

/** request target, version → the identity, or the status of the refusal */
const IDENTITIES: readonly (readonly [string, Protocol | undefined, string | number])[] = [
  ['/ocpp/CS-1', 'ocpp1.6', 'CS-1'],
  ['/ocpp/CS-1?token=x/y', 'ocpp2.1', 'CS-1'],
  ['/ocpp/CS-1#x', 'ocpp2.1', 'CS-1'],
  ['/ocpp/RDAM%7C123', 'ocpp2.0.1', 'RDAM|123'],
  ['/ocpp/DE*ABC:1@x', 'ocpp2.0.1', 'DE*ABC:1@x'],
  ['/ocpp/a%2Fb', 'ocpp1.6', 'a/b'],
  ['/ocpp/a%2Fb', 'ocpp2.0.1', 400],
  ['/ocpp/%7Bx%7D', 'ocpp1.6', '{x}'],
  ['/ocpp/%7Bx%7D', 'ocpp2.1', 400],
  ['/ocpp/s%C3%BCd', 'ocpp1.6', 'süd'],
  ['/ocpp/s%C3%BCd', 'ocpp2.1', 400],
  ['/ocpp/s%FCd', 'ocpp1.6', 400],
  ['/ocpp/%', 'ocpp1.6', 400],
  ['/ocpp/%00', 'ocpp1.6', 400],
  ['/ocpp/a%0D%0Ab', 'ocpp1.6', 400],
  ['/ocpp/a%E2%80%A8b', 'ocpp1.6', 400],
  ['/ocpp/..', 'ocpp1.6', 400],
  ['/ocpp/%2e%2e', undefined, 400],
  ['/ocpp/.', undefined, 400],
  [`/ocpp/${'x'.repeat(48)}`, 'ocpp2.0.1', 'x'.repeat(48)],
  [`/ocpp/${'x'.repeat(49)}`, 'ocpp2.0.1', 400],
  [`/ocpp/${'x'.repeat(255)}`, 'ocpp1.6', 'x'.repeat(255)],
  [`/ocpp/${'x'.repeat(256)}`, undefined, 400],
  ['/ocpp', undefined, 404],
  ['/ocpp/', undefined, 404],
  ['/ocpp/?x', undefined, 404],
  ['/ocpp//CS-1', undefined, 'CS-1'],
  ['//ocpp///CS-1//?x=//', undefined, 'CS-1'],
  ['/ocpp/CS-1/', 'ocpp2.1', 'CS-1'],
  ['/ocpp/CS-1/#/', 'ocpp2.1', 'CS-1'],
  ['/ocpp///', undefined, 404],
  ['/ocpp//a//b', undefined, 404],
  ['/ocpp/%2F', 'ocpp1.6', '/'],
  ['//', undefined, 404],
  ['/ocpp/a/b', undefined, 404],
  ['/ocpp/../CS-1', undefined, 404],
  ['/ocppCS-1', undefined, 404],
  ['/other/CS-1', undefined, 404],
  ['*', undefined, 404],
];

test('the identity is exactly the last path segment, decoded', (t) => {
  for (const [target, protocol, expected] of IDENTITIES) {
    const result = identityOf(target, '/ocpp', protocol);
    t.deepEqual(result.ok ? result.identity : result.status, expected, `${target} ${protocol}`);
    if (result.ok) t.true(isIdentity(result.identity, protocol));
  }
});

test('the endpoint may be the root, a deeper path, or end with a slash', (t) => {
  for (const [endpoint, target] of [
    ['', '/CS-1'],
    ['/', '/CS-1'],
    ['/a/b', '/a/b/CS-1'],
    ['/a/', '/a/CS-1'],
  ] as const) {
    t.deepEqual(identityOf(target, endpoint), { ok: true, identity: 'CS-1' }, endpoint);
  }
});
