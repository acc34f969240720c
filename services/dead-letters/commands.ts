/** The commands of the dead-letters program. Each writes lines of text and returns the exit status. */
import { readRequest } from '../transport/redis/queue/envelope.ts';
import {
  type DeadLetter,
  type DeadLetters,
  mayRepeat,
} from '../transport/redis/dead-letters/dead-letters.ts';

const PAGE = 100;
/** Characters of a reason in a list. */
const SHORT = 120;

type Write = (text: string) => void;

/** Rejects with a TransportError. @param args checked by usageError  @param now ms since 1970 */
export async function runCommand(
  letters: DeadLetters,
  [command, id = '']: readonly string[],
  write: Write,
  now: number,
): Promise<number> {
  if (command === 'list') return list(letters, id === '' ? undefined : id, write);
  if (command === 'show') return show(letters, id, write);
  if (command === 'replay' && id === '--all') return replayAll(letters, write, now);
  if (command === 'replay') {
    await letters.replay(id);
    write(`${id} is in the queue again`);
  } else {
    await letters.drop(id);
    write(`${id} is dropped`);
  }
  return 0;
}

async function list(letters: DeadLetters, after: string | undefined, write: Write): Promise<number> {
  const page = await letters.list(PAGE, after);
  for (const letter of page) write(line(letter));
  const last = page.at(-1);
  const all = await letters.count();
  if (last === undefined) write(after === undefined ? 'no dead letters' : 'no more');
  else if (page.length === PAGE) write(`(of ${all}; next: list ${last.id})`);
  return 0;
}

function line({ id, at, deliveries, reason, entry }: DeadLetter): string {
  const read = readRequest(entry);
  const what = read.ok ? `${read.request.stationId}  ${nameOf(read.request.frame)}` : '-  unreadable';
  return [id, new Date(at).toISOString(), what, `delivered ${deliveries}x`, reason.slice(0, SHORT)].join(
    '  ',
  );
}

function nameOf(frame: { readonly id: string; readonly action?: string; readonly type: number }): string {
  return `${frame.action ?? `type ${frame.type}`} ${JSON.stringify(frame.id)}`;
}

async function show(letters: DeadLetters, id: string, write: Write): Promise<number> {
  const { at, reason, deliveries, entry } = await letters.get(id);
  const read = readRequest(entry);
  write(`id          ${id}`);
  write(`since       ${new Date(at).toISOString()}`);
  write(`reason      ${reason}`);
  write(`deliveries  ${deliveries}`);
  if (read.ok) {
    const { stationId, receivedAt, protocol, frame } = read.request;
    write(`station     ${stationId} (${protocol})`);
    write(`received    ${new Date(receivedAt).toISOString()}`);
    write(`message     ${nameOf(frame)}`);
  } else {
    write(`unreadable  ${read.reason}`);
  }
  write(`entry       ${entry}`);
  return 0;
}

/** Skips letters that cannot be replayed, writes why, and then returns 1. */
async function replayAll(letters: DeadLetters, write: Write, now: number): Promise<number> {
  let [replayed, left] = [0, 0];
  let after: string | undefined;
  // Letters that arrive while this runs come from replayed ones.
  for (let room = await letters.count(); room > 0;) {
    const page = await letters.list(Math.min(room, PAGE), after);
    for (const letter of page) {
      const why = await replayOne(letters, letter, now);
      if (why === undefined) replayed++;
      else {
        left++;
        write(`${letter.id} stays: ${why}`);
      }
    }
    after = page.at(-1)?.id;
    room = page.length === 0 ? 0 : room - page.length;
  }
  write(`${replayed} in the queue again, ${left} left`);
  return left === 0 ? 0 : 1;
}

/** Why it cannot be replayed; undefined when it is. */
async function replayOne(letters: DeadLetters, letter: DeadLetter, now: number): Promise<string | undefined> {
  if (mayRepeat(letter, now))
    return 'older than a day; check that it was not handled since, then replay it by its id';
  try {
    await letters.replay(letter.id);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
