/**
 * The dead-letters program: lists what was given up, shows one, lets it be handled again, or drops it. A person
 * runs it where a processor runs, in the same environment (docs/dead-letters.md).
 */
import { ConfigError, loadConfig } from '../runtime/config.ts';
import { redisOptions, redisSettings } from '../runtime/redis-settings.ts';
import { createDeadLetters, createUnreadableTexts } from '../library/transport-factory.ts';
import { runCommand, USAGE } from './commands.ts';
import { runUnreadable } from './unreadable.ts';

const PROGRAM = 'dead-letters';

async function main(args: readonly string[]): Promise<number> {
  const write = (text: string) => process.stdout.write(`${text}\n`);
  if (args.length === 0 || args.includes('--help') || args.includes('-h')) write(USAGE);
  const config = loadConfig(PROGRAM, redisSettings);
  if (args.length === 0) return 2;
  const [first, ...others] = args;
  if (first === 'unreadable') {
    await using texts = await createUnreadableTexts(redisOptions(config));
    const status = await runUnreadable(texts, others, write);
    if (status === undefined) write(USAGE);
    return status ?? 2;
  }
  await using letters = await createDeadLetters(redisOptions(config));
  return await runCommand(letters, args, write, Date.now());
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(error instanceof ConfigError ? `${text}\n` : `${PROGRAM}: ${text}\n`);
  process.exitCode = 1;
}
