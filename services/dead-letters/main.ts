/**
 * The dead-letters program: lists, shows, replays and drops dead letters and unreadable texts. It runs where a processor runs,
 * in the same environment (docs/dead-letters.md).
 */
import { ConfigError, loadConfig } from '../runtime/config.ts';
import { redisOptions, redisSettings } from '../runtime/redis-settings.ts';
import { createDeadLetters, createUnreadableTexts } from '../library/transport-factory.ts';
import { runCommand } from './commands.ts';
import { runUnreadable } from './unreadable.ts';
import { USAGE, usageError } from './usage.ts';

const PROGRAM = 'dead-letters';
/** Redis must answer in this time: an operator waits at the terminal; ms. */
const PATIENCE = 2000;

async function main(args: readonly string[]): Promise<number> {
  const write = (text: string) => process.stdout.write(`${text}\n`);
  const isHelp = args.includes('--help') || args.includes('-h');
  if (args.length === 0 || isHelp) write(USAGE);
  const mistake = args.length === 0 || isHelp ? undefined : usageError(args);
  if (mistake !== undefined) {
    process.stderr.write(`${PROGRAM}: ${mistake}\n`);
    return 2;
  }
  const config = loadConfig(PROGRAM, redisSettings, undefined, isHelp ? ['--help'] : []);
  if (args.length === 0) return 2;
  const options = redisOptions({ ...config, clientTimeout: Math.min(config.clientTimeout, PATIENCE) });
  const [first, ...others] = args;
  if (first === 'unreadable') {
    await using texts = await createUnreadableTexts(options);
    return await runUnreadable(texts, others, write);
  }
  await using letters = await createDeadLetters(options);
  return await runCommand(letters, args, write, Date.now());
}

/** What to do about an error, where its message does not say it. */
function adviceOn(error: unknown): string {
  const isUnavailable = error instanceof Error && 'code' in error && error.code === 'store-unavailable';
  return isUnavailable ? '. Check that Redis is running, and the REDIS_* variables (--help lists them).' : '';
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    error instanceof ConfigError ? `${text}\n` : `${PROGRAM}: ${text}${adviceOn(error)}\n`,
  );
  // Not exitCode: a pending connection attempt would keep the process alive.
  process.exit(1);
}
