import test from 'ava';
import * as fc from 'fast-check';
import { type Frame, MessageType } from '../../services/ocpp/frame.ts';
import { type CsmsFrame, Peer, PEER_LIMITS, type Step } from '../../services/ocpp/peer.ts';

const { callTimeout } = PEER_LIMITS;

const call = (id: string): Frame => ({ type: MessageType.Call, id, action: 'Heartbeat', payload: {} });
const send = (id: string): Frame => ({ type: MessageType.Send, id, action: 'X', payload: {} });
const result = (id: string): Frame => ({ type: MessageType.CallResult, id, payload: {} });
const outgoing = (type: number, messageId: string): CsmsFrame => ({
  type,
  messageId,
  text: `${type} ${messageId}`,
});
const answer = (id: string) => outgoing(MessageType.CallResult, id);
const command = (id: string) => outgoing(MessageType.Call, id);

/** A step in one line: forwarded, written, dropped and timed-out frames. */
function shown({ forward, write, dropped, expired }: Step): string {
  const parts = [
    forward && `forward ${forward.frame.id}#${forward.sequence}`,
    write && `write ${write.messageId}`,
    dropped,
    expired && `expired ${expired.join()}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

test('a second CALL of the station is held until the first is answered, in order', (t) => {
  const peer = new Peer();
  t.true(peer.idle);
  t.is(shown(peer.receive(call('a'), 'a', 1)), 'forward a#1');
  t.is(shown(peer.receive(call('b'), 'b', 2)), '');
  t.is(shown(peer.receive(call('c'), 'c', 3)), '');
  t.is(shown(peer.deliver(answer('b'), 4)), 'unknown-answer', 'b is not open yet');
  const step = peer.deliver(answer('a'), 4);
  t.is(shown(step), 'forward b#2, write a');
  t.is(step.forward?.receivedAt, 2, 'when it was read, not when it was let through');
  t.is(shown(peer.deliver(answer('a'), 5)), 'unknown-answer', 'an answer is written once');
  t.is(shown(peer.deliver(outgoing(MessageType.CallError, 'b'), 6)), 'forward c#3, write b');
  t.false(peer.idle);
  t.is(shown(peer.deliver(answer('c'), 7)), 'write c');
  t.true(peer.idle);
  t.is(peer.deadline, Infinity);
});

test('an unanswered CALL of the station times out, and its late response is dropped', (t) => {
  const peer = new Peer();
  peer.receive(call('a'), 'a', 0);
  peer.receive(call('b'), 'b', 10);
  t.is(peer.deadline, callTimeout);
  t.is(shown(peer.expire(callTimeout - 1)), '');
  t.is(shown(peer.expire(callTimeout)), 'forward b#2, expired a');
  t.is(peer.deadline, 2 * callTimeout, 'the next one has its whole time from when it is let through');
  t.is(shown(peer.deliver(answer('a'), callTimeout + 1)), 'late-answer');
  t.is(shown(peer.deliver(answer('b'), callTimeout + 2)), 'write b');
});

test('SENDs never wait, have separate numbers, and are never answered', (t) => {
  const peer = new Peer();
  t.is(shown(peer.receive(call('a'), 'a', 0)), 'forward a#1');
  t.is(shown(peer.receive(send('s'), 's', 0)), 'forward s#1');
  t.is(shown(peer.receive(call('b'), 'b', 0)), '');
  t.is(shown(peer.receive(send('s'), 's', 0)), 'forward s#2');
  t.is(shown(peer.deliver(answer('s'), 0)), 'unknown-answer');
  t.is(shown(peer.deliver(answer('a'), 0)), 'forward b#2, write a');
});

test('CALLs of the two sides cross; one of the CSMS is open at a time, a few wait', (t) => {
  const peer = new Peer({ ...PEER_LIMITS, maxQueued: 2 });
  t.is(shown(peer.receive(call('a'), 'a', 0)), 'forward a#1');
  t.is(shown(peer.deliver(command('r1'), 0)), 'write r1');
  t.is(shown(peer.deliver(command('r2'), 0)), '');
  t.is(shown(peer.deliver(command('r3'), 0)), '');
  t.is(shown(peer.deliver(command('r4'), 0)), 'queue-full');
  t.is(shown(peer.receive(result('r2'), '', 1)), 'unknown-answer');
  t.is(shown(peer.receive(result('r1'), '', 1)), 'forward r1#0, write r2');
  t.is(shown(peer.deliver(answer('a'), 1)), 'write a');
  t.is(shown(peer.expire(1 + callTimeout)), 'write r3, expired r2');
  t.is(shown(peer.receive(result('r2'), '', callTimeout + 2)), 'late-answer');
  t.is(shown(peer.receive(result('r3'), '', callTimeout + 3)), 'forward r3#0');
  t.true(peer.idle);
});

test('a station that sends too many CALLs is not read until they are forwarded', (t) => {
  const peer = new Peer({ ...PEER_LIMITS, maxHeld: 100 });
  const text = 'x'.repeat(60);
  for (const id of ['a', 'b']) peer.receive(call(id), text, 0);
  t.false(peer.full);
  peer.receive(call('c'), text, 0);
  t.true(peer.full);
  t.is(peer.heldSize, 120);
  t.is(shown(peer.deliver(answer('a'), 0)), 'forward b#2, write a');
  t.false(peer.full);
  t.is(shown(peer.deliver(answer('b'), 0)), 'forward c#3, write b');
  t.is(peer.heldSize, 0);
});

/** Everything that can happen to a connection; few ids, so that they repeat, and responses to anything. */
const stationId = fc.constantFrom('1', '2', '3');
const csmsId = fc.constantFrom('r1', 'r2', 'r3');
const event = fc.oneof(
  fc.record({ kind: fc.constantFrom('call', 'send'), id: stationId }),
  fc.record({ kind: fc.constant('command'), id: csmsId }),
  fc.record({ kind: fc.constantFrom('result', 'answer'), id: fc.oneof(stationId, csmsId) }),
  fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 1, max: 2 * callTimeout }) }),
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** Plays the events and passes every step, with its event, to `observe`. */
function play(events: readonly Event[], observe: (step: Step, given: Event) => void): Peer {
  const peer = new Peer({ ...PEER_LIMITS, maxQueued: 3 });
  let now = 0;
  for (const given of events) {
    if ('ms' in given) {
      const until = now + given.ms;
      while (peer.deadline <= until) observe(peer.expire((now = peer.deadline)), given);
      now = until;
      continue;
    }
    const { kind, id } = given;
    if (kind === 'call') observe(peer.receive(call(id), id, now), given);
    else if (kind === 'send') observe(peer.receive(send(id), id, now), given);
    else if (kind === 'result') observe(peer.receive(result(id), id, now), given);
    else if (kind === 'answer') observe(peer.deliver(answer(id), now), given);
    else observe(peer.deliver(command(id), now), given);
  }
  return peer;
}

test('in any sequence, at most one CALL is open per direction and a response belongs to it', (t) => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let open: string | undefined;
      let commanded: string | undefined;
      play(events, ({ forward, write, expired = [] }) => {
        if (write?.type === MessageType.CallResult) {
          t.true(write.messageId === open, 'only the open CALL is answered');
          open = undefined;
        }
        if (forward?.frame.type === MessageType.CallResult) {
          t.true(forward.frame.id === commanded);
          commanded = undefined;
        }
        if (open !== undefined && expired.includes(open)) open = undefined;
        if (commanded !== undefined && expired.includes(commanded)) commanded = undefined;
        if (forward?.frame.type === MessageType.Call) {
          t.is(open, undefined);
          open = forward.frame.id;
        }
        if (write?.type === MessageType.Call) {
          t.is(commanded, undefined);
          commanded = write.messageId;
        }
      });
    }),
  );
});

test('in any sequence, no CALL or SEND of the station is lost, duplicated, renumbered or reordered', (t) => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const given: Record<number, string[]> = { [MessageType.Call]: [], [MessageType.Send]: [] };
      const forwarded: Record<number, string[]> = { [MessageType.Call]: [], [MessageType.Send]: [] };
      const note = ({ forward }: Step) => {
        if (forward === undefined || forward.sequence === 0) return;
        const list = forwarded[forward.frame.type] ?? [];
        list.push(forward.frame.id);
        t.is(forward.sequence, list.length);
      };
      const peer = play(events, (step, event) => {
        if ('id' in event && event.kind === 'call') given[MessageType.Call]?.push(event.id);
        if ('id' in event && event.kind === 'send') given[MessageType.Send]?.push(event.id);
        note(step);
      });
      while (peer.deadline < Infinity) note(peer.expire(peer.deadline));
      t.deepEqual(forwarded, given);
      t.is(peer.heldSize, 0);
      t.true(peer.idle);
    }),
  );
});
