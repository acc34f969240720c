/**
 * Replays a recording of the flight recorder against one processor or several, and prints the answers that differ
 * (docs/recorder.md#replay-a-recording). It works on an empty Redis only, and leaves it empty.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connect } from '../client/connect.ts';
import { redisUrl } from '../client/redis-url.ts';
import { createGateway } from '../library/transport-factory.ts';
import { openReady } from '../transport/redis/connection/connection.ts';
import { type Difference, differences } from './comparison.ts';
import { play } from './player.ts';
import { startProcessor } from './processor-process.ts';
import { pseudonymsIn, type ReadRecording, readRecording, type Step } from './recording.ts';

const USAGE = `usage: replay FILE --redis redis://HOST[:PORT] --processor COMMAND [--processor COMMAND] [--answer-seconds N]

FILE is what "ocppctl tail STATION --json" prints, or several of them put together. Each COMMAND starts a
processor; its REDIS_* variables are set. Redis must be empty, and is empty again afterwards.
Exit status: 0 all answers are the same, 1 some differ, 2 it could not be replayed.`;

const ANSWER_SECONDS = 10;

/** @returns the exit status */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      redis: { type: 'string' },
      processor: { type: 'string', multiple: true },
      'answer-seconds': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [file] = positionals;
  const { redis, processor: commands = [] } = values;
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (file === undefined || redis === undefined || commands.length === 0)
    throw new Error('a FILE, --redis and --processor are needed; see --help');
  const answerMs = Number(values['answer-seconds'] ?? ANSWER_SECONDS) * 1000;
  if (!(answerMs > 0)) throw new Error('--answer-seconds must be a number above 0');
  const recording = readRecording(readFileSync(file, 'utf8'));
  if (recording.steps.length === 0) throw new Error(`${file} has no message that can be replayed`);
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => interrupted.abort(new Error('it was interrupted')));
  const { signal } = interrupted;
  const runs: (readonly [string, ReadonlyMap<Step, string | undefined>])[] = [];
  for (const [index, command] of commands.entries()) {
    const name = commands.length === 1 ? 'replayed' : `processor ${index + 1}`;
    runs.push([name, await replay(recording, { redis, command, answerMs, signal })]);
  }
  const found = differences(recording.steps, runs);
  for (const one of found) process.stdout.write(`${linesOf(one).join('\n')}\n`);
  const { steps, skipped } = recording;
  const left = skipped === 0 ? '' : `; ${skipped} could not be replayed, as their text is cut or no frame`;
  process.stderr.write(`${steps.length} messages were replayed, ${found.length} answers differ${left}\n`);
  return found.length === 0 ? 0 : 1;
}

interface Run {
  readonly redis: string;
  readonly command: string;
  readonly answerMs: number;
  /** Ends the replay; Redis is emptied all the same. */
  readonly signal: AbortSignal;
}

/** Each run begins with an empty Redis, and the pseudonyms as accepted tokens. */
async function replay({ steps }: ReadRecording, { redis, command, answerMs, signal }: Run) {
  const settings = redisUrl(redis);
  const store = await openReady(settings);
  const keys = await store.dbsize();
  if (keys > 0) {
    store.disconnect();
    throw new Error(
      `the Redis at ${settings.addr} has ${keys} keys: a replay needs an empty one, which it changes`,
    );
  }
  try {
    await using client = await connect(redis);
    for (const token of pseudonymsIn(steps)) await client.tokens.set({ token, status: 'Accepted' });
    const end = await startProcessor(command, settings, signal);
    const gateway = createGateway({ kind: 'redis', redis: settings, channelPrefix: 'ocpp', name: 'replay' });
    try {
      await gateway.start();
      return (await play(gateway, steps, answerMs, signal)).answers;
    } finally {
      await gateway.stop();
      await end();
    }
  } finally {
    await store.flushdb();
    store.disconnect();
  }
}

function linesOf({ step: { station, at, frame }, answers }: Difference): string[] {
  const head = `${new Date(at).toISOString()} ${station} ${frame.action} ${frame.id}`;
  const width = Math.max(...answers.map(([name]) => name.length));
  return [head, ...answers.map(([name, answer]) => `  ${name.padEnd(width)}  ${answer ?? 'no answer'}`)];
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`replay: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
