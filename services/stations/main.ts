/**
 * The stations program: adds, changes and removes stations of the register. It runs where a processor runs, in the same
 * environment (docs/security.md).
 */
import { createInterface } from 'node:readline';
import type { PasswordHasher } from '../access/password-hash.ts';
import { checkPasswordKey, readPasswordHasher } from '../access/password-key.ts';
import { ENV } from '../contract.ts';
import { createPasswordChange } from '../csms/commands/commands.ts';
import { createStateStore } from '../library/transport-factory.ts';
import { ConfigError, loadConfig } from '../runtime/config.ts';
import { redisOptions, redisSettings } from '../runtime/redis-settings.ts';
import { TransportError } from '../transport/errors.ts';
import { type CommandPorts, runCommand } from './commands.ts';
import { readCommand, USAGE } from './usage.ts';

const PROGRAM = 'stations';
/** Redis must answer in this time: an operator waits at the terminal; ms. */
const PATIENCE = 2000;

const settings = {
  ...redisSettings,
  passwordKeyFile: {
    doc: 'File with the key of the stored passwords.',
    format: String,
    default: '',
    env: ENV.passwordKeyFile,
  },
} as const;

async function main(args: readonly string[]): Promise<number> {
  const write = (text: string) => process.stdout.write(`${text}\n`);
  const isHelp = args.includes('--help') || args.includes('-h');
  if (args.length === 0 || isHelp) write(USAGE);
  if (args.length === 0) return 2;
  const config = loadConfig(PROGRAM, settings, undefined, isHelp ? ['--help'] : []);
  const command = readCommand(args);
  const file = config.passwordKeyFile;
  const others = { input, write };
  if (command.name === 'hash') {
    await runCommand(command, { ...others, ...NO_REDIS, hasher: async () => hasherOf(file) });
    return 0;
  }
  const options = redisOptions({ ...config, clientTimeout: Math.min(config.clientTimeout, PATIENCE) });
  await using store = await createStateStore(options);
  const { state } = store;
  const checked = async () => {
    const made = hasherOf(file);
    await checkPasswordKey(state, made).catch((error: unknown) => {
      const isOther = error instanceof TransportError && error.code === 'bad-settings';
      throw isOther ? new ConfigError(`${ENV.passwordKeyFile}: ${file}: ${error.message}`) : error;
    });
    return made;
  };
  // Once for all lines of an import.
  let made: Promise<PasswordHasher> | undefined;
  const hasher = () => (made ??= checked());
  const changePassword: CommandPorts['changePassword'] = async (stationId, rules) =>
    createPasswordChange(store, { passwords: { state, hasher: await hasher() } })({ stationId, ...rules });
  await runCommand(command, { ...others, state, hasher, changePassword });
  return 0;
}

/** For a command that reads none. */
const noRedis = () => {
  throw new Error('this command has no connection to Redis');
};
const NO_REDIS: Pick<CommandPorts, 'state' | 'changePassword'> = {
  state: { field: noRedis, amend: noRedis, scan: noRedis },
  changePassword: noRedis,
};

function hasherOf(file: string): PasswordHasher {
  if (file === '')
    throw new ConfigError(`${ENV.passwordKeyFile}: set it to the file with the key of the passwords`);
  try {
    return readPasswordHasher(file);
  } catch (error) {
    throw new ConfigError(`${ENV.passwordKeyFile}: ${file}: ${(error as Error).message}`);
  }
}

async function* input(): AsyncIterable<string> {
  for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== '') yield line;
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
  const isUsage = error instanceof Error && error.name === 'UsageError';
  process.stderr.write(
    error instanceof ConfigError ? `${text}\n` : `${PROGRAM}: ${text}${adviceOn(error)}\n`,
  );
  // Not exitCode: a pending connection attempt would keep the process alive.
  process.exit(isUsage ? 2 : 1);
}
