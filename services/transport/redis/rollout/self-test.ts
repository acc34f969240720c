/** The way of a message through Redis to a processor and back, without a session. */
import { sleep } from '../../../runtime/clock.ts';
import { TransportError } from '../../errors.ts';
import { noAnswer, SELF_TEST_PROTOCOL, selfTestCall, selfTestIdentity } from '../../self-test.ts';
import { unavailable } from '../connection/connection.ts';
import type { Membership } from '../lease/membership.ts';
import { EnvelopeWriter } from '../queue/envelope.ts';

/** Between two looks for the answer; ms. */
const LOOK_MS = 50;

/** Resolves when a processor has answered. @throws TransportError otherwise, in about `timeoutMs` */
export async function testQueue(member: Membership, timeoutMs: number): Promise<void> {
  if (!member.healthy) throw unavailable(member.addr, 'not connected');
  const { processId, keys, commands } = member;
  const incoming = selfTestCall(Date.now());
  // Epoch 0: the answer goes to a list of its own and not to the outbox of a session.
  const stationId = selfTestIdentity(processId);
  const entry = new EnvelopeWriter(stationId, processId, 0, SELF_TEST_PROTOCOL).write(incoming);
  const list = keys.responses(stationId);
  const given = new AbortController();
  const exchange = async (): Promise<boolean> => {
    await commands.lpush(keys.requests, entry);
    while (!given.signal.aborted) {
      const answer = await commands.rpop(list);
      if (answer === null) await sleep(LOOK_MS, given.signal);
      else if (isAnswerTo(answer, incoming.frame.id)) return true;
    }
    // No request waits for it. A user of Redis without this right leaves it there. Entries of a cluster without a processor must not pile up.
    await commands.lrem(keys.requests, 1, entry);
    return false;
  };
  const late = sleep(timeoutMs, given.signal).then(() => false);
  try {
    const running = exchange();
    running.catch(() => undefined);
    const answered = await Promise.race([running, late]).catch((error: unknown) => {
      throw unavailable(member.addr, error);
    });
    if (!answered) throw new TransportError('store-unavailable', noAnswer('Redis', timeoutMs));
  } finally {
    given.abort();
  }
}

function isAnswerTo(text: string, messageId: string): boolean {
  try {
    return (JSON.parse(text) as Readonly<Record<string, unknown>>)['message_id'] === messageId;
  } catch {
    return false;
  }
}
