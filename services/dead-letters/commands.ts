/** The commands of the dead-letters program. Each writes lines for a person and returns the exit status. */
import { readRequest } from '../transport/redis/queue/envelope.ts';
import {
  type DeadLetter,
  type DeadLetters,
  mayRepeat,
} from '../transport/redis/dead-letters/dead-letters.ts';
import { UNREADABLE_USAGE } from './unreadable.ts';

export const USAGE = `node dead-letters.js list [AFTER]    oldest first, 100 at a time; AFTER is the last id of the page before
node dead-letters.js show ID         everything that is known of one
node dead-letters.js replay ID       puts it back into the queue: its effect happens, nobody gets an answer
node dead-letters.js replay --all    the same for all that are younger than a day
node dead-letters.js drop ID         forgets it
${UNREADABLE_USAGE}`;

const PAGE = 100;
/** Of a reason, in a list. */
const SHORT = 120;

type Write = (text: string) => void;

/** Rejects with a TransportError that says what is wrong. @param now ms since 1970 */
export async function runCommand(
  letters: DeadLetters,
  [command, id, ...more]: readonly string[],
  write: Write,
  now: number,
): Promise<number> {
  if (more.length === 0) {
    if (command === 'list') return list(letters, id, write);
    if (command === 'show' && id !== undefined) return show(letters, id, write);
    if (command === 'replay' && id === '--all') return replayAll(letters, write, now);
    if (command === 'replay' && id !== undefined) {
      await letters.replay(id);
      write(`${id} is back in the queue`);
      return 0;
    }
    if (command === 'drop' && id !== undefined) {
      await letters.drop(id);
      write(`${id} is dropped`);
      return 0;
    }
  }
  write(USAGE);
  return 2;
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
  write(`given up    ${new Date(at).toISOString()}`);
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

/** Goes on past what cannot be replayed, says why, and then ends with 1. */
async function replayAll(letters: DeadLetters, write: Write, now: number): Promise<number> {
  let [replayed, left] = [0, 0];
  let after: string | undefined;
  // What comes while this runs died of what was just replayed.
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
  write(`${replayed} back in the queue, ${left} left`);
  return left === 0 ? 0 : 1;
}

/** Why it cannot be replayed; undefined when it is. */
async function replayOne(letters: DeadLetters, letter: DeadLetter, now: number): Promise<string | undefined> {
  if (mayRepeat(letter, now))
    return 'older than a day; see that it was not handled since, and replay it by its id';
  try {
    await letters.replay(letter.id);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
