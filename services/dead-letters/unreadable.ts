/** The sub-commands `unreadable …` of the dead-letters program: texts of stations that could not be understood. */
import type { KeptText, UnreadableTexts } from '../transport/redis/dead-letters/unreadable.ts';

const PAGE = 100;
/** Characters of a reason and a text in a list. */
const SHORT = 80;

type Write = (text: string) => void;

/** Rejects with a TransportError. @param args checked by usageError */
export async function runUnreadable(
  texts: UnreadableTexts,
  [command, ...args]: readonly string[],
  write: Write,
): Promise<number> {
  const [first = '', ...others] = args;
  if (command === 'list') {
    return first === '--station'
      ? list(texts, others[1], others[0], write)
      : list(texts, args[0], undefined, write);
  }
  if (command === 'show') return show(texts, first, write);
  await texts.drop(first);
  write(`${first} is dropped`);
  return 0;
}

async function list(
  texts: UnreadableTexts,
  after: string | undefined,
  station: string | undefined,
  write: Write,
): Promise<number> {
  const page = await texts.list(PAGE, after, station);
  for (const text of page) write(line(text));
  const last = page.at(-1);
  if (last === undefined) write(after === undefined ? 'no unreadable texts' : 'no more');
  else if (page.length === PAGE) {
    const of = station === undefined ? '' : `--station ${station} `;
    write(`(${await texts.count()} of all stations; next: unreadable list ${of}${last.id})`);
  }
  return 0;
}

function line({ id, at, stationId, protocol, reason, text }: KeptText): string {
  const what = [id, new Date(at).toISOString(), stationId, protocol, short(reason)];
  return [...what, JSON.stringify(short(text))].join('  ');
}

function short(text: string): string {
  return text.length > SHORT ? `${text.slice(0, SHORT)}…` : text;
}

async function show(texts: UnreadableTexts, id: string, write: Write): Promise<number> {
  const { at, stationId, protocol, connection, reason, text } = await texts.get(id);
  write(`id          ${id}`);
  write(`kept        ${new Date(at).toISOString()}`);
  write(`station     ${stationId} (${protocol})`);
  write(`connection  ${connection}`);
  write(`reason      ${reason}`);
  // As JSON: control characters are visible and have no effect on the terminal.
  write(`text        ${JSON.stringify(text)}`);
  return 0;
}
