/** The runner itself: a right expectation passes, and each kind of wrong one fails and says where. */
import test from 'ava';
import { parseCases } from './cases.ts';
import { differencesOf } from './run.ts';
import { memoryWorld } from './world.ts';

const STOP =
  '[2,"1","StopTransaction",{"transactionId":5,"meterStop":1500,"timestamp":"2026-11-28T10:00:00Z"}]';
const BILL = "{ kind: final, transactionId: 5, meterStop: 1500, stoppedAt: '2026-11-28T10:00:00Z' }";

/** A case of one stop, with its reply and what is stored. */
const caseOf = (reply: string, stored: string, send = STOP) => `
- name: a stop
  kind: A
  protocol: ocpp1.6
  source: own
  steps:
    - send: '${send}'
      ${reply}
  ${stored}
`;
const RIGHT = `bills: [${BILL}]`;

test('a result as expected is no difference', async (t) => {
  await using world = await memoryWorld({ validation: 'Tolerant', settings: {} });
  const rights = [
    ['answer: \'[3,"1",{}]\'', RIGHT],
    ["answer: [3, '1', {}]", `bills: [{ transactionId: $any, absent: [energy], notes: '$/start/' }]`],
    ['result: {}', `${RIGHT}\n  events: [{ type: transaction-stopped }]\n  noEvents: [stop-differs]`],
  ];
  for (const [index, [reply = '', stored = '']] of rights.entries()) {
    for (const found of parseCases(caseOf(reply, stored), 'right'))
      t.deepEqual(await differencesOf(found, 'Tolerant', world, `RIGHT-${index}`), [], stored);
  }
});

const WRONG: readonly [what: string, reply: string, stored: string, difference: RegExp, send?: string][] = [
  ['another answer', 'answer: \'[3,"1",{ }]\'', RIGHT, /it is not \[3,"1",\{ \}\]/],
  ['another id', "answer: [3, '2', {}]", RIGHT, /\/1 is "1", not "2"/],
  [
    'a property that is not there',
    'result: { status: Accepted }',
    RIGHT,
    /\/status is absent, not "Accepted"/,
  ],
  ['an error', 'error: NotSupported', RIGHT, /does not begin with \[4,"1",/],
  ['silence', 'answer: none', RIGHT, /was answered \[3,"1",\{\}\]/],
  ['an answer where there is silence', 'result: {}', 'bills: []', /nothing came/, '[2,"1",'],
  ['no bill', 'result: {}', 'bills: []', /there are 1 bills, not 0/],
  ['no bill, by saying nothing', 'result: {}', 'reports: []', /there are 1 bills, not 0/],
  ['two bills', 'result: {}', `bills: [${BILL}, ${BILL}]`, /there are 1 bills, not 2/],
  ['another meter', 'result: {}', 'bills: [{ meterStop: 1501 }]', /bills\/0\/meterStop is "1500", not 1501/],
  [
    'a field that is there',
    'result: {}',
    'bills: [{ absent: [reason] }]',
    /bills\/0\/reason is "Local", not absent/,
  ],
  ['a report', 'result: {}', `${RIGHT}\n  reports: [{ type: bill-doubtful }]`, /there are 0 reports, not 1/],
  [
    'an event',
    'result: {}',
    `${RIGHT}\n  events: [{ type: stop-differs }]`,
    /in events, in this order, is no/,
  ],
  [
    'no such event',
    'result: {}',
    `${RIGHT}\n  noEvents: [transaction-stopped]`,
    /is an event transaction-stopped/,
  ],
  [
    'a record',
    'result: {}',
    `${RIGHT}\n  records: { 'transaction:5': { closed: $any } }`,
    /transaction:5 is absent/,
  ],
  [
    'a stream entry',
    'result: {}',
    `${RIGHT}\n  streams: { meter-values: [{}] }`,
    /in meter-values, in this order/,
  ],
  ['a repair', 'refused: TypeConstraintViolation', RIGHT, /there are 0 events message-repaired, not 1/],
  ['an unreadable text', 'result: {}', `${RIGHT}\n  unreadableKept: 1`, /unreadable texts kept is 0, not 1/],
  ['a line of the log', 'result: {}', `${RIGHT}\n  log: [{ level: error }]`, /0 lines of the log/],
];

for (const [what, reply, stored, difference, send] of WRONG) {
  test(`a case that expects ${what} in vain fails`, async (t) => {
    await using world = await memoryWorld({ validation: 'Tolerant', settings: {} });
    t.plan(1);
    for (const found of parseCases(caseOf(reply, stored, send), 'wrong')) {
      const run = differencesOf(found, 'Tolerant', world, 'WRONG');
      t.regex((await run.catch((error: Error) => [error.message])).join('\n'), difference);
    }
  });
}

test('a case with unknown keys is refused', (t) => {
  const refused = (text: string) => t.throws(() => parseCases(text, 'file.yaml'))?.message ?? '';
  t.regex(refused(caseOf('anser: none', RIGHT)), /file\.yaml: "a stop": nothing is called "anser"/);
  t.regex(refused(caseOf('result: {}', 'bill: []')), /nothing is called "bill"/);
  t.regex(refused(caseOf('garbage: none\n      refused: none', RIGHT)), /a step has one of/);
  t.regex(refused(caseOf('result: {}', RIGHT).replace('1.6', '1.5')), /there is no protocol ocpp1\.5/);
});
