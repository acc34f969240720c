/** The sub-commands `unreadable …` of the dead-letters program: texts of stations that could not be understood. */
import type { KeptText, UnreadableTexts } from '../transport/redis/dead-letters/unreadable.ts';

export const UNREADABLE_USAGE = `node dead-letters.js unreadable list [--station ID] [AFTER]
                                     texts of stations that could not be understood, as list
node dead-letters.js unreadable show ID
node dead-letters.js unreadable drop ID
`;

const PAGE = 100;
/** Of a reason and a text, in a list. */
const SHORT = 80;

type Write = (text: string) => void;

/** Rejects with a TransportError that says what is wrong. @returns the exit status; undefined when it is no such command */
export async function runUnreadable(
  texts: UnreadableTexts,
  [command, first, ...others]: readonly string[],
  write: Write,
): Promise<number | undefined> {
  if (command === 'list') {
    if (first !== '--station') return others.length === 0 ? list(texts, first, undefined, write) : undefined;
    const [station, after, ...more] = others;
    return station === undefined || more.length > 0 ? undefined : list(texts, after, station, write);
  }
  if (first === undefined || others.length > 0) return undefined;
  if (command === 'show') return show(texts, first, write);
  if (command !== 'drop') return undefined;
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
  // As JSON: a control character in it is seen, and does nothing to the terminal.
  write(`text        ${JSON.stringify(text)}`);
  return 0;
}
