/** The pure parts of the page of a station: recorded frames, curves, outcomes, and what was typed in. */
import test from 'ava';
import {
  energyPoints,
  powerPoints,
  readingsIn,
  withReading,
} from '../../../services/console/station/charging/curves.ts';
import {
  aged,
  checkOf,
  failureOf,
  isAsking,
  isEnd,
  outcomeOf,
  SAFE_TO_REPEAT,
  statusOf,
  toneOf,
} from '../../../services/console/station/commands/outcome.ts';
import {
  contentOf,
  frameIn,
  matching,
  MOST_CHARACTERS,
  MOST_FRAMES,
  NOTHING,
  type RecordedFrame,
  withFrames,
} from '../../../services/console/station/live/frames.ts';

import { commandActions } from '../../../services/csms/commands/command-actions.ts';
import { PROTOCOLS } from '../../../services/ocpp/frame.ts';

const frame = (id: number, more: Partial<RecordedFrame> = {}): RecordedFrame => ({
  id: `${id}-0`,
  at: id,
  connection: 1,
  type: 'call',
  direction: 'in',
  action: 'Heartbeat',
  text: '[2,"1","Heartbeat",{}]',
  ...more,
});

test('frames are bounded in number and in size, and the oldest are dropped', (t) => {
  const many = Array.from({ length: MOST_FRAMES + 10 }, (_, at) => frame(at));
  const first = withFrames(NOTHING, many.slice(0, 100));
  const kept = withFrames(first, many.slice(100));
  t.is(kept.entries.length, MOST_FRAMES);
  t.is(kept.dropped, 10);
  t.is(kept.entries[0]?.number, 10);
  t.is(first.entries.length, 100);

  const large = Array.from({ length: 40 }, (_, at) => frame(at, { text: 'x'.repeat(1024 * 1024) }));
  const bounded = large.reduce((before, one) => withFrames(before, [one]), NOTHING);
  t.true(bounded.characters <= MOST_CHARACTERS && bounded.entries.length === 9);
  t.is(bounded.entries.at(-1)?.id, '39-0');
  t.is(bounded.entries.length + bounded.dropped, 40);
});

test('the search finds words in action, text and notes, and markers stay', (t) => {
  const { entries } = withFrames(NOTHING, [
    frame(1),
    { id: '2-0', at: 2, connection: 1, type: 'gap', lost: 3 },
    frame(3, { action: 'MeterValues', text: '[2,"7","MeterValues",{"connectorId":1}]', repairs: ['number'] }),
    frame(4, { problem: 'revoked' }),
  ]);
  const found = (search: string) => matching(entries, search).map(({ id }) => id);
  t.deepEqual(found('meter CONNECTORID'), ['2-0', '3-0']);
  t.deepEqual(found('number'), ['2-0', '3-0']);
  t.deepEqual(found('revoked'), ['2-0', '4-0']);
  t.deepEqual(found('  '), ['1-0', '2-0', '3-0', '4-0']);
});

test('what is no frame is left out, and a text that is cut stays a text', (t) => {
  t.is(frameIn({ id: '1', at: 'then', type: 'call' }), undefined);
  t.is(frameIn(null), undefined);
  t.is(frameIn(frame(1))?.id, '1-0');
  t.is(contentOf(frame(1, { text: '[2,"1","Hea', truncated: true })), '[2,"1","Hea');
  t.is(contentOf(frame(1, { text: 'no json' })), 'no json');
  t.deepEqual(contentOf(frame(1)), [2, '1', 'Heartbeat', {}]);
});

const at = '2030-01-01T00:00:00Z';
const seconds = Date.parse(at) / 1000;
const call = (action: string, payload: object): RecordedFrame =>
  frame(1, { action, text: JSON.stringify([2, '1', action, payload]) });

test('readings of 1.6 and 2.x have one unit, and phases are summed', (t) => {
  const old = readingsIn(
    call('MeterValues', {
      connectorId: 1,
      transactionId: 7,
      meterValue: [
        {
          timestamp: at,
          sampledValue: [
            { value: '1.5', unit: 'kWh' },
            { value: '9', measurand: 'Energy.Active.Import.Register', location: 'Inlet' },
            { value: '1000', measurand: 'Power.Active.Import', phase: 'L1' },
            { value: '2', measurand: 'Power.Active.Import', phase: 'L2', unit: 'kW' },
            { value: '5', measurand: 'Power.Active.Import', phase: 'L1-L2' },
            { value: '230', measurand: 'Voltage', unit: 'V' },
          ],
        },
      ],
    }),
  );
  t.deepEqual(old, { transaction: '7', readings: [{ at: seconds, energy: 1500, power: 3000 }] });
  const next = readingsIn(
    call('TransactionEvent', {
      transactionInfo: { transactionId: 'T-1' },
      meterValue: [
        { timestamp: at, sampledValue: [{ value: 2, unitOfMeasure: { unit: 'Wh', multiplier: 3 } }] },
      ],
    }),
  );
  t.deepEqual(next, { transaction: 'T-1', readings: [{ at: seconds, energy: 2000 }] });
});

test('a frame without a usable reading has none', (t) => {
  t.is(readingsIn(frame(1)), undefined);
  t.is(readingsIn(call('MeterValues', { connectorId: 1, meterValue: [] })), undefined);
  t.is(readingsIn(frame(1, { action: 'MeterValues', text: '[2,"1","Met', truncated: true })), undefined);
  const odd = call('MeterValues', {
    transactionId: 1,
    meterValue: [
      { timestamp: 'then', sampledValue: [{ value: '1' }] },
      { timestamp: at, sampledValue: [{ value: 'x' }] },
    ],
  });
  t.deepEqual(readingsIn(odd)?.readings, []);
});

test('a curve is in the order of time, and power is averaged where the station measures none', (t) => {
  const readings = [
    { at: 3600, energy: 2000 },
    { at: 0, energy: 1000 },
    { at: 5400, energy: 3000 },
    { at: 3600, energy: 2000 },
  ];
  const curve = readings.reduce<ReturnType<typeof withReading>>(withReading, []);
  t.deepEqual(energyPoints(curve), [
    [0, 1],
    [3600, 2],
    [5400, 3],
  ]);
  t.deepEqual(powerPoints(curve), {
    points: [
      [3600, 1],
      [5400, 2],
    ],
    isMeasured: false,
  });
  t.deepEqual(powerPoints(withReading(curve, { at: 3600, power: 7000 })), {
    points: [[3600, 7]],
    isMeasured: true,
  });
});

const command = { id: 'k', station: 'CP', action: 'Reset' };

test('a command ends as answered, not sent or uncertain, and nothing else', (t) => {
  t.deepEqual(outcomeOf({ ...command, state: 'queued' }), { kind: 'running', state: 'queued' });
  const answer = { kind: 'result', payload: { status: 'Rejected' } } as const;
  t.deepEqual(outcomeOf({ ...command, state: 'answered', answer }), { kind: 'answered', answer });
  t.like(outcomeOf({ ...command, state: 'not-sent', reason: 'expired' }), {
    kind: 'not-sent',
    reason: 'command-expired',
    isRefused: false,
  });
  t.like(outcomeOf({ ...command, state: 'uncertain', reason: 'timeout' }), {
    kind: 'uncertain',
    reason: 'timeout',
  });
});

test('a failure of the API is never taken for an answer of the station', (t) => {
  const failed = (status: number, code: string, document = {}) =>
    failureOf({ status, code, message: 'why', document });
  t.like(failed(0, 'no-answer'), { kind: 'lost', isAsked: false });
  t.like(failed(503, 'store-unavailable'), { kind: 'lost' });
  t.like(failed(500, 'internal-error'), { kind: 'lost' });
  t.like(failed(409, 'station-offline'), { kind: 'not-sent', isRefused: false });
  for (const code of ['unauthorized', 'forbidden', 'bad-call', 'rate-limited', 'key-conflict'])
    t.like(failed(422, code), { kind: 'not-sent', reason: code, isRefused: true });
  t.deepEqual(
    failed(409, 'command-uncertain', { command: { ...command, state: 'uncertain', reason: 'disconnected' } }),
    { kind: 'uncertain', reason: 'disconnected', detail: '' },
  );
});

test('a lost command becomes uncertain before the cluster forgets its key', (t) => {
  t.true(SAFE_TO_REPEAT < 3_600_000);
  const lost = { kind: 'lost', detail: 'why', isAsked: false } as const;
  t.is(aged(lost, 1000, 1000 + SAFE_TO_REPEAT - 1), lost);
  const open = aged(lost, 1000, 1000 + SAFE_TO_REPEAT);
  t.deepEqual(open, { kind: 'uncertain', reason: 'too-old', detail: 'why', isOpen: true });
  t.false(isEnd(open), 'the API is still asked for it');
  const asked = aged({ ...lost, isAsked: true }, 1000, 1000 + SAFE_TO_REPEAT);
  t.deepEqual(asked, { kind: 'uncertain', reason: 'too-old', detail: 'why' });
  t.true(isEnd(asked));
  const refused = failureOf({ status: 422, code: 'forbidden', message: '', document: {} });
  t.is(aged(refused, 0, 1e12), refused, 'the cluster did not take it');
});

test('a station that says no has answered, and sounds so', (t) => {
  const result = (payload: Readonly<Record<string, unknown>>) => ({ kind: 'result', payload }) as const;
  t.is(toneOf(result({ status: 'Accepted' })), 'good');
  t.is(toneOf(result({ status: 'Rejected' })), 'bad');
  t.is(toneOf(result({ status: 'RebootRequired' })), 'warn');
  t.is(toneOf(result({ configurationKey: [] })), 'plain');
  t.is(toneOf({ kind: 'error', code: 'NotImplemented' }), 'bad');
  t.is(statusOf({ kind: 'error', code: 'NotImplemented' }), 'NotImplemented');
});

test('an uncertain command says what to look at first', (t) => {
  t.is(checkOf('RequestStartTransaction'), 'start');
  t.is(checkOf('RemoteStopTransaction'), 'stop');
  t.is(checkOf('Reset'), 'reset');
  for (const short of ['start', 'stop', 'unlock', 'reset'] as const) t.is(checkOf(short), short);
  t.is(checkOf('GetVariables'), 'asked');
  t.is(checkOf('SetVariables'), 'other');
});

test('what acts on a charger, or sends something elsewhere, is confirmed', (t) => {
  const read = PROTOCOLS.flatMap((protocol) => commandActions(protocol))
    .map(({ action }) => action)
    .filter((action) => isAsking(action));
  t.is(new Set(read).size, 14, 'each of the list is an action');
  for (const action of ['GetConfiguration', 'GetVariables', 'GetBaseReport'])
    t.true(isAsking(action), action);
  const others = ['GetLog', 'GetDiagnostics', 'TriggerMessage', 'ExtendedTriggerMessage', 'GetSomethingNew'];
  for (const action of [...others, 'Reset', 'ClearCache', 'SetVariables', 'DataTransfer'])
    t.false(isAsking(action), action);
  t.is(checkOf('GetDiagnostics'), 'upload');
  t.is(checkOf('trigger'), 'trigger');
});
