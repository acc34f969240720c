/** Plays given inputs again, on fresh programs and one connection, and shows what was sent and what was wrong. */
import { inputOf, type Input } from './input.ts';
import { openStation, playFrames, playHandshake } from './play.ts';
import { isTolerant } from './run.ts';
import { startTarget, TARGETS } from './target.ts';

/** Bytes of an input that are shown. */
const SHOWN = 600;

/** @returns whether all inputs were handled correctly */
export async function repeat(
  seed: number,
  numbers: readonly number[],
  report: (line: string) => void,
): Promise<boolean> {
  const [first = 0] = numbers;
  const index = first % TARGETS.length;
  const name = TARGETS[index] ?? 'cluster';
  const tolerant = isTolerant(seed, index);
  report(`${name}, ${tolerant ? 'tolerant' : 'strict'}`);
  await using target = await startTarget(name, tolerant);
  const { port, rules } = target.endpoint;
  let connection: Awaited<ReturnType<typeof openStation>> | undefined;
  let isRight = true;
  for (const number of numbers) {
    const input = inputOf(seed, number);
    report(`input ${number}: ${input.name}\n${visible(input)}`);
    let finding: string | undefined;
    if (input.kind === 'handshake') finding = await playHandshake(target.endpoint, input.handshake, number);
    else {
      connection ??= await openStation(port, `REPEAT-${number}`, input.protocol);
      const played = await playFrames(connection, input, rules);
      if (!played.isOpen) connection = undefined;
      ({ finding } = played);
    }
    report(finding === undefined ? 'handled correctly' : `WRONG: ${finding}`);
    isRight &&= finding === undefined;
  }
  connection?.drop();
  return isRight;
}

function visible(input: Input): string {
  const bytes = input.kind === 'handshake' ? input.handshake.bytes : Buffer.concat(input.packets);
  const rest = bytes.length > SHOWN ? `… ${bytes.length} bytes` : '';
  if (input.kind === 'handshake') return `${JSON.stringify(bytes.toString('latin1', 0, SHOWN))}${rest}`;
  return `${input.protocol}, hexadecimal: ${bytes.toString('hex', 0, SHOWN)}${rest}`;
}
