/** What the flight recorder may keep of a frame: tags are pseudonyms, secrets are hidden, and so is all that is not known. */
import test from 'ava';
import * as fc from 'fast-check';
import * as schemas16 from 'typed-ocpp/dist/ocpp16/schemas.js';
import * as schemas201 from 'typed-ocpp/dist/ocpp20/schemas.js';
import * as schemas21 from 'typed-ocpp/dist/ocpp21/schemas.js';
import {
  HIDDEN_FIELDS,
  SHOWN_FIELDS,
  SHOWN_TEXTS,
  TAG_FIELDS,
  VALUE_FIELDS,
} from '../../services/ocpp/redaction/field-names.ts';
import { HIDDEN, redactFrame } from '../../services/ocpp/redaction/redact.ts';
import { SecretTexts } from '../../services/ocpp/redaction/secret-texts.ts';

const pseudonym = (tag: string) => `<${tag.toUpperCase().split('').toReversed().join('')}>`;
const redacted = (frame: unknown, secrets = new SecretTexts()) =>
  redactFrame(typeof frame === 'string' ? frame : JSON.stringify(frame), { pseudonym, secrets })?.text;
const payloadOf = (payload: unknown, action = 'Any', secrets?: SecretTexts) =>
  (JSON.parse(redacted([2, '1', action, payload], secrets) ?? '[]') as unknown[])[3];

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: unknown;
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** Names of fields in all schemas, and whether one of them is a text of any content. */
function fieldsOfSchemas(): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  const isFree = (one: Schema, definitions: Schema['definitions']): boolean => {
    if (one.$ref !== undefined) {
      const of = definitions?.[one.$ref.split('/').at(-1) ?? ''];
      return of === undefined || isFree(of, definitions);
    }
    if (one.type === 'array') return isFree(one.items ?? {}, definitions);
    if (one.type === 'string') return one.enum === undefined && one.format !== 'date-time';
    return one.enum === undefined && one.type === undefined && one.properties === undefined;
  };
  const walk = (schema: Schema, definitions: Schema['definitions']): void => {
    for (const [name, one] of Object.entries(schema.properties ?? {})) {
      found.set(name, (found.get(name) ?? false) || isFree(one, definitions));
      walk(one, definitions);
    }
    if (schema.items !== undefined) walk(schema.items, definitions);
  };
  for (const schemas of [schemas16, schemas201, schemas21]) {
    for (const schema of Object.values(schemas) as Schema[]) {
      walk(schema, schema.definitions);
      for (const one of Object.values(schema.definitions ?? {})) walk(one, schema.definitions);
    }
  }
  return found;
}

test('each field of the schemas is in exactly one list, and a text of any content is not shown as a word', (t) => {
  const fields = fieldsOfSchemas();
  t.true(fields.size > 500);
  const lists = [TAG_FIELDS, HIDDEN_FIELDS, VALUE_FIELDS, SHOWN_TEXTS, SHOWN_FIELDS];
  const wrong = [...fields.keys()].filter((name) => lists.filter((list) => list.has(name)).length !== 1);
  t.deepEqual(wrong, []);
  const listed = lists.flatMap((list) => Array.from(list));
  t.deepEqual(
    listed.filter((name) => !fields.has(name)),
    [],
    'names that no schema has',
  );
  t.deepEqual(
    [...SHOWN_FIELDS].filter((name) => fields.get(name)),
    [],
    'texts of any content',
  );
});

const CASES: readonly (readonly [what: string, payload: unknown, shown: unknown])[] = [
  [
    'tags of 1.6',
    { idTag: 'ab12', parentIdTag: 'P', connectorId: 1 },
    { idTag: '<21BA>', parentIdTag: '<P>', connectorId: 1 },
  ],
  [
    'a token of 2.x keeps its type',
    {
      idToken: { idToken: 'AB12', type: 'ISO14443', additionalInfo: [{ additionalIdToken: 'X', type: 'Y' }] },
    },
    {
      idToken: {
        idToken: '<21BA>',
        type: 'ISO14443',
        additionalInfo: [{ additionalIdToken: '<X>', type: 'Y' }],
      },
    },
  ],
  ['a tag of the wrong type', { idTag: 1234 }, { idTag: '<4321>' }],
  ['a tag in a field of its own', { idTag: { id: 'AB12' } }, { idTag: { id: '<21BA>' } }],
  ['no tag', { idTag: '', parentIdTag: null }, { idTag: '', parentIdTag: null }],
  ['a vendor field', { connectorId: 1, card: 'AB12' }, { connectorId: 1, [HIDDEN]: HIDDEN }],
  [
    'a password',
    { key: 'AuthorizationKey', value: '0123456789abcdef' },
    { key: 'AuthorizationKey', value: HIDDEN },
  ],
  ['a key of a vendor', { key: 'WifiPin', value: '1234' }, { key: 'WifiPin', value: HIDDEN }],
  ['a public key', { key: 'heartbeatinterval', value: '300' }, { key: 'heartbeatinterval', value: '300' }],
  [
    'variables of 2.x',
    {
      setVariableData: [
        {
          attributeValue: 'p',
          component: { name: 'SecurityCtrlr' },
          variable: { name: 'BasicAuthPassword' },
        },
        {
          attributeValue: '9',
          component: { name: 'OCPPCommCtrlr' },
          variable: { name: 'RetryBackOffRepeatTimes' },
        },
      ],
    },
    {
      setVariableData: [
        {
          attributeValue: HIDDEN,
          component: { name: 'SecurityCtrlr' },
          variable: { name: 'BasicAuthPassword' },
        },
        {
          attributeValue: '9',
          component: { name: 'OCPPCommCtrlr' },
          variable: { name: 'RetryBackOffRepeatTimes' },
        },
      ],
    },
  ],
  [
    'a report',
    { reportData: [{ variable: { name: 'Pin' }, variableAttribute: [{ value: '1234' }] }] },
    { reportData: [{ variable: { name: 'Pin' }, variableAttribute: [{ value: HIDDEN }] }] },
  ],
  [
    'measured values, and a signed one',
    { meterValue: [{ sampledValue: [{ value: '12.5' }, { value: 7 }, { value: 'OCMF|{"ID":"AB12"}' }] }] },
    { meterValue: [{ sampledValue: [{ value: '12.5' }, { value: 7 }, { value: HIDDEN }] }] },
  ],
  [
    'a network profile',
    {
      connectionData: { ocppCsmsUrl: 'wss://u:p@csms.example/x', basicAuthPassword: 'p', apn: { apn: 'a' } },
    },
    { connectionData: { ocppCsmsUrl: 'wss://csms.example/…', basicAuthPassword: HIDDEN, apn: HIDDEN } },
  ],
  ['a signed URL', { location: 'https://h:8443/a?sig=1' }, { location: 'https://h:8443/…' }],
  ['a URL amid a text', { info: 'see ftp://u:p@h/x' }, { info: HIDDEN }],
  [
    'an address of a person',
    { company: { name: 'Erika Muster', address1: 'Weg 1', city: 'Ulm' }, status: 'Accepted' },
    { company: HIDDEN, status: 'Accepted' },
  ],
  ['a certificate', { info: '-----BEGIN PRIVATE KEY-----\nx' }, { info: HIDDEN }],
  ['data of a vendor', { vendorId: 'V', data: '{"tag":"AB12"}' }, { vendorId: 'V', data: HIDDEN }],
  ['a repeated tag', { info: 'card AB12 refused', idTag: 'ab12' }, { info: HIDDEN, idTag: '<21BA>' }],
  [
    'a tag that is a part of a word',
    { idTag: '04A2B3C4', status: 'No 04a2b3c4' },
    { idTag: '<4C3B2A40>', status: HIDDEN },
  ],
  [
    'a short tag by chance in a word',
    { idTag: 'Unav', status: 'Unavailable' },
    { idTag: '<VANU>', status: 'Unavailable' },
  ],
  [
    'a text before the tag that it repeats',
    { statusInfo: { additionalInfo: 'of 04A2B3C4' }, idTagInfo: { parentIdTag: '04A2B3C4' } },
    { statusInfo: { additionalInfo: HIDDEN }, idTagInfo: { parentIdTag: '<4C3B2A40>' } },
  ],
  ['a tag in a word', { idTag: 'Faulted', status: 'Faulted' }, { idTag: '<DETLUAF>', status: HIDDEN }],
];

for (const [what, payload, shown] of CASES) test(what, (t) => t.deepEqual(payloadOf(payload), shown));

test('numbers keep their spelling, and texts that are no frame have none', (t) => {
  const text = '[2,"1","StopTransaction",{"transactionId":12345678901234567890,"meterStop":1.50e2}]';
  t.is(redacted(text), text);
  for (const none of ['', 'x', '{}', '"[]"', '[]', '["2"]', '[null]']) t.is(redacted(none), undefined, none);
  t.is(redacted([2, { idTag: 'AB12' }, 'the tag AB12', 'AB12']), `[2,"${HIDDEN}","${HIDDEN}","${HIDDEN}"]`);
});

test('an error shows its description unless it repeats a tag or a password of the same station', (t) => {
  const secrets = new SecretTexts();
  payloadOf({ idTag: '04A2B3C4' }, 'Authorize', secrets);
  payloadOf({ key: 'AuthorizationKey', value: 'pass-word-17' }, 'ChangeConfiguration', secrets);
  const description = (text: string) =>
    (JSON.parse(redacted([4, '1', 'GenericError', text, {}], secrets) ?? '') as unknown[])[3];
  t.is(description('no such connector'), 'no such connector');
  t.is(description('unknown card 04a2b3c4'), HIDDEN);
  t.is(description('cannot store PASS-word-17!'), HIDDEN);
  t.is(redacted([4, '1', 'GenericError', '', { idTag: 'AB12' }]), `[4,"1","GenericError","","${HIDDEN}"]`);
});

const URLS: readonly (readonly [url: string, shown: string])[] = [
  ['ftp://user:Winter2026?@host', HIDDEN],
  ['ftp://user:pa/ss@host/d', HIDDEN],
  ['ftp://user:12#3@host/x', HIDDEN],
  ['ftp://user:12/3%40host/x', HIDDEN],
  ['ftp://user:pa@ss@host/x', HIDDEN],
  ['ftp://user:pa@12/ss@host/x', HIDDEN],
  ['ftp://user:pa%4012@host/x', HIDDEN],
  ['https://host/people/@me', HIDDEN],
  ['ftp://user:Winter2026/x', HIDDEN],
  ['ftp://user:123456/x', HIDDEN],
  ['ftp://user:12:34/x', HIDDEN],
  ['user:Winter2026@host/x', HIDDEN],
  ['ftp:user:Winter2026@host/x', HIDDEN],
  ['ftp://host/x y', HIDDEN],
  ['ftp://host\nftp://user:12@h', HIDDEN],
  ['ftp://user:Winter2026@host:21/x?y#z', 'ftp://host:21/…'],
  ['wss://csms.example', 'wss://csms.example/…'],
  ['wss://csms.example:443?a', 'wss://csms.example:443/…'],
  ['wss://[2001:db8::1]:443/x', 'wss://[2001:db8::1]:443/…'],
  ['at 10:30, mail to me@host', 'at 10:30, mail to me@host'],
];

for (const [url, shown] of URLS)
  test(`of ${JSON.stringify(url)} no password is shown`, (t) => {
    const secrets = new SecretTexts();
    t.deepEqual(payloadOf({ location: url }, 'GetLog', secrets), { location: shown });
    t.deepEqual(payloadOf({ location: url }, 'GetLog', secrets), { location: shown }, 'the second time');
  });

test('a password in a URL is not shown in a later text of the station, escaped or not', (t) => {
  for (const url of [
    'ftp://u:Wi/nter@h/x',
    'ftp://u:Wi%2Fnter@h/x',
    'use ftp://u:Wi/nter@h/x',
    'u:Wi/nter@h',
  ]) {
    const secrets = new SecretTexts();
    payloadOf({ location: url }, 'GetDiagnostics', secrets);
    t.deepEqual(payloadOf({ info: 'login with wi/nter failed' }, 'X', secrets), { info: HIDDEN }, url);
    t.deepEqual(payloadOf({ info: 'login failed' }, 'X', secrets), { info: 'login failed' });
  }
});

test('a value of a variable that is not public is remembered without a digit too, but hides no status', (t) => {
  const secrets = new SecretTexts();
  payloadOf({ key: 'WifiPassword', value: 'correct-horse' }, 'ChangeConfiguration', secrets);
  payloadOf({ key: 'SocketState', value: 'Available' }, 'ChangeConfiguration', secrets);
  t.deepEqual(payloadOf({ info: 'bad Correct-Horse', status: 'Available' }, 'X', secrets), {
    info: HIDDEN,
    status: 'Available',
  });
});

test('values of a long report leave the tags remembered', (t) => {
  const secrets = new SecretTexts();
  payloadOf({ idTag: '04A2B3C4' }, 'Authorize', secrets);
  const reportData = Array.from({ length: 500 }, (_, i) => ({
    variable: { name: 'Vendor' },
    variableAttribute: [{ value: `some-value-${i}` }],
  }));
  payloadOf({ reportData }, 'NotifyReport', secrets);
  t.deepEqual(payloadOf({ info: 'card 04a2b3c4' }, 'X', secrets), { info: HIDDEN });
});

const SECRET = 'zq7secret7qz';
const holding = [...TAG_FIELDS, ...HIDDEN_FIELDS, 'vendorField', 'IDTAG', 'toString', '__proto__'];
/** Any JSON in which the secret is below a field that may not be shown. */
const payloads = fc.letrec<{ readonly node: unknown; readonly secret: unknown }>((tie) => ({
  secret: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(SECRET, SECRET.toUpperCase(), `x${SECRET}`),
    fc.array(tie('secret'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('id', 'value', 'status', SECRET, 'idToken'), tie('secret'), { maxKeys: 2 }),
  ),
  node: fc.oneof(
    { depthSize: 'small' },
    fc.jsonValue({ maxDepth: 1 }).filter((value) => !JSON.stringify(value).includes(SECRET)),
    fc.tuple(fc.constantFrom(...holding), tie('secret'), tie('node')).map(([name, secret, rest]) =>
      Object.fromEntries([
        [name, secret],
        ['chargingProfile', rest],
      ]),
    ),
    fc.array(tie('node'), { maxLength: 3 }).map((sampledValue) => ({ sampledValue })),
  ),
})).node;

test('no secret is left, however it is nested, and equal tags stay equal', (t) => {
  const blind = (text: string) =>
    redactFrame(text, { pseudonym: () => 'P', secrets: new SecretTexts() })?.text;
  fc.assert(
    fc.property(payloads, fc.constantFrom(2, 3, 4, 5, 6), (payload, type) => {
      const frame =
        type === 2 || type === 6
          ? [type, '1', 'Any', payload]
          : [type, '1', ...(type === 3 ? [] : ['E', '']), payload];
      const text = blind(JSON.stringify(frame));
      return text !== undefined && !text.toLowerCase().includes(SECRET) && Array.isArray(JSON.parse(text));
    }),
    { numRuns: 2000 },
  );
  t.deepEqual(payloadOf({ idTag: 'ab12' }), payloadOf({ idTag: 'AB12' }));
});

test('a deep frame is redacted without overflowing the stack', (t) => {
  const deep = `${'{"chargingProfile":'.repeat(3000)}1${'}'.repeat(3000)}`;
  t.true((redacted(`[2,"1","X",${deep}]`) ?? '').length < 2000);
  t.true((redacted(`[2,"1","X",{"idTag":${deep}}]`) ?? '').length < 2000);
  t.true(
    (redacted(`[2,"1","X",{"chargingProfile":${'['.repeat(3000)}${']'.repeat(3000)}}]`) ?? '').length < 2000,
  );
});

test('the payload of a frame that would take long is left out', (t) => {
  const redaction = { pseudonym: () => 'P', secrets: new SecretTexts() };
  const numbers = `[${'1,'.repeat(40_000)}1]`;
  const shown = (text: string) => redactFrame(text, redaction);
  t.deepEqual(shown(`[2,"m1","NotifyReport",{"values":${numbers},"idTag":"AB12"}]`), {
    text: `[2,"m1","NotifyReport","${HIDDEN}"]`,
    action: 'NotifyReport',
    isLeftOut: true,
  });
  t.is(shown(`[3,"m1",{"values":${numbers}}]`)?.text, `[3,"m1","${HIDDEN}"]`);
  t.is(shown(`[4,"m1","GenericError","x",${numbers}]`)?.text, `[4,"m1","GenericError","${HIDDEN}",{}]`);
  t.is(shown(`{"values":${numbers}}`), undefined);
});
