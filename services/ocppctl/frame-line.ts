/** A recorded frame as one line of a terminal. Pure. */
import type { RecordedFrame } from '../client/cluster-client.ts';
import { printable } from './table.ts';

const ARROWS = { in: '→', out: '←' } as const;
const ACTION_WIDTH = 20;

/** `12:00:01.250 ← StartTransaction     result 27 ms  {"idTagInfo":…}` */
export function frameLine(frame: RecordedFrame): string {
  const { direction, action = '', bytes, latencyMs, repairs, problem } = frame;
  const facts = [
    wordOf(frame),
    latencyMs !== undefined && `${latencyMs} ms`,
    repairs !== undefined && `repaired: ${repairs.join(', ')}`,
    problem !== undefined && problem,
    frame.type === 'unreadable' && bytes !== undefined && `${bytes} bytes`,
    contentOf(frame),
  ];
  const head = `${clock(frame.at)} ${direction === undefined ? '·' : ARROWS[direction]} ${action.padEnd(ACTION_WIDTH)}`;
  return printable([head, ...facts.filter((one) => one !== false && one !== '')].join('  ').trimEnd());
}

function wordOf({ type, protocol, reason, lost }: RecordedFrame): string {
  if (type === 'call') return '';
  if (type === 'connected') return `connected, ${protocol}`;
  if (type === 'disconnected') return `disconnected: ${reason ?? 'unknown'}`;
  return type === 'gap' ? `${lost ?? 'some'} frames could not be recorded` : type;
}

/** The payload without what is in the line already. */
function contentOf({ text, truncated }: RecordedFrame): string {
  if (text === undefined) return '';
  if (truncated === true) return `${text}…`;
  try {
    const [type, , ...rest] = JSON.parse(text) as unknown[];
    if (type === 4 || type === 5) return `${String(rest[0])} ${JSON.stringify(rest[1] ?? '')}`;
    return JSON.stringify(rest.at(-1));
  } catch {
    return text;
  }
}

/** Local time with milliseconds. */
function clock(at: number): string {
  const time = new Date(at);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}
