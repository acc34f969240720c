/**
 * Configuration of a program: environment variables only, described by a convict schema, checked completely before the
 * program starts, printed with --help. Only this file reads process.env.
 */
import { isIP } from 'node:net';
import convict from 'convict';
import { ENV } from '../contract.ts';

/** One setting. `env` is mandatory: a value without a variable is a constant. */
export interface Setting<T> {
  readonly doc: string;
  readonly format: unknown;
  readonly default: T;
  readonly env: string;
  readonly sensitive?: boolean;
  /** Applied while the program runs, from a file of the settings folder: see live-settings.ts. */
  readonly live?: boolean;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;
/** Texts by the name of their variable. */
export type Environment = Readonly<Record<string, string | undefined>>;

export class ConfigError extends Error {
  override readonly name: string = 'ConfigError';
}

/** An unknown argument of a program. */
export class ArgumentError extends ConfigError {
  override readonly name = 'ArgumentError';
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `30s`, `1m30s`, `500ms`, `7d` or plain seconds (`30`) as milliseconds; undefined for other texts. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
  }
  return total;
}

convict.addFormat({
  name: 'duration-ms',
  coerce: (value: unknown) => (typeof value === 'string' ? (parseDuration(value) ?? value) : value),
  validate(value: unknown) {
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new Error('must be a duration such as 30s, 500ms or 1m30s');
    }
  },
});
convict.addFormat({
  name: 'listen-address',
  coerce: (value: unknown) => (typeof value === 'string' ? listeningOn(value) : value),
  validate(value: unknown) {
    if (typeof value !== 'string' || isIP(value) === 0) throw new Error('must be an IP address');
  },
});
convict.addFormat({
  name: 'positive-int',
  coerce: (value: unknown) => (typeof value === 'string' && value !== '' ? Number(value) : value),
  validate(value: unknown) {
    if (!Number.isInteger(value) || (value as number) < 1) throw new Error('must be a whole number from 1');
  },
});
convict.addFormat({
  name: 'fraction',
  coerce: (value: unknown) => (typeof value === 'string' && value !== '' ? Number(value) : value),
  validate(value: unknown) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1))
      throw new Error('must be a number from 0 to 1');
  },
});
convict.addFormat({
  name: 'list',
  coerce: splitItems,
  validate(value: unknown) {
    if (!Array.isArray(value) || value.length === 0) throw new Error('must be a comma-separated list');
  },
});

function listeningOn(address: string): string {
  const family = isIP(address);
  if (family === 0 || address.startsWith('127.') || address === '::1') return address;
  return family === 6 ? '::' : '0.0.0.0';
}

function splitItems(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** A format for whole numbers of this range, both ends included. */
export function wholeNumber(least: number, most: number): string {
  const name = `whole-number-${least}-${most}`;
  convict.addFormat({
    name,
    coerce: (value: unknown) => (typeof value === 'string' && value !== '' ? Number(value) : value),
    validate(value: unknown) {
      const inRange = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
      if (!inRange) throw new Error(`must be a whole number from ${least} to ${most}`);
    },
  });
  return name;
}

/** A format for durations of this range in milliseconds, both ends included. */
export function boundedDuration(least: number, most: number): string {
  const name = `duration-${least}-${most}`;
  convict.addFormat({
    name,
    coerce: (value: unknown) => (typeof value === 'string' ? (parseDuration(value) ?? value) : value),
    validate(value: unknown) {
      const inRange = typeof value === 'number' && value >= least && value <= most;
      if (!inRange) throw new Error(`must be a duration from ${least / 1000}s to ${most / 1000}s`);
    },
  });
  return name;
}

/**
 * A format for comma-separated lists, which may be empty.
 * @param problemOf an item; undefined: it is valid
 */
export function listOf(name: string, problemOf: (item: string) => string | undefined): string {
  convict.addFormat({
    name,
    coerce: splitItems,
    validate(value: unknown) {
      if (!Array.isArray(value)) throw new Error('must be a comma-separated list');
      const problem = value.map((item) => problemOf(String(item))).find((one) => one !== undefined);
      if (problem !== undefined) throw new Error(problem);
    },
  });
  return name;
}

/**
 * A format for JSON.
 * @param read the value of the setting; its ConfigError says what is wrong
 */
export function jsonOf(name: string, read: (value: unknown) => unknown): string {
  const parse = (text: string) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new Error('is not JSON');
    }
  };
  convict.addFormat({
    name,
    // What cannot be read stays a text for validate(), as convict does not report errors of coerce().
    coerce(value: unknown) {
      if (typeof value !== 'string') return value;
      try {
        return read(parse(value));
      } catch {
        return value;
      }
    },
    validate(value: unknown) {
      if (typeof value === 'string') read(parse(value));
    },
  });
  return name;
}

/** A duration in milliseconds, written as `30s` and the like. */
export const duration = 'duration-ms';
export const positiveInt = 'positive-int';
/** A number from 0 to 1. */
export const fraction = 'fraction';
/**
 * The address of a process, read as the one that it listens on: all of its family, as `kubectl port-forward` connects to the loopback address of
 * a Pod. A loopback address is kept: with `npm start` each Pod has one of its own.
 */
export const listenAddress = 'listen-address';
/** Comma-separated, at least one. */
export const list = 'list';

/** The values of settings, as loadConfig reads them: one of the allowed values where `format` lists them. */
export type SettingsOf<S> = {
  readonly [K in keyof S]: S[K] extends { readonly format: readonly (infer Allowed)[] }
    ? Allowed
    : S[K] extends { readonly default: infer T }
      ? Widened<T>
      : never;
};

/** `as const` makes a literal of a default, which is one value of many. */
type Widened<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;

/**
 * Reads the settings from the environment. With `--help` among the arguments it prints them and ends the process.
 * @throws ConfigError with a line for each bad variable, never with the value of a secret
 * @throws ArgumentError for other arguments
 */
export function loadConfig<const S extends Settings>(
  program: string,
  settings: S,
  env: Environment = process.env,
  argv: readonly string[] = process.argv.slice(2),
): SettingsOf<S> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help(program, settings));
    process.exit(0);
  }
  if (argv[0] !== undefined) {
    const hint = 'is configured by environment variables only; see --help';
    throw new ArgumentError(`${program}: unknown argument ${argv[0]}: the program ${hint}`);
  }
  const { values, problems } = readSettings(settings, env);
  if (problems.length > 0) {
    throw new ConfigError(`${program} cannot start, its environment is invalid:\n  ${problems.join('\n  ')}`);
  }
  return values;
}

/**
 * The values of the settings, and a line for each bad one, never with the value of a secret.
 * @param texts by name of the variable; they win over the environment
 */
export function readSettings<const S extends Settings>(
  settings: S,
  env: Environment = process.env,
  texts: Environment = {},
): { readonly values: SettingsOf<S>; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const all = { ...env, ...texts };
  for (const [name, setting] of Object.entries(settings)) {
    try {
      checkText(setting.format, all[setting.env]);
      const one = convict<Record<string, unknown>>({ [name]: setting }, { env: { ...all }, args: [] });
      one.validate({ allowed: 'strict' });
      values[name] = one.get(name);
    } catch (error) {
      const given = setting.sensitive === true ? '' : ` (it is ${JSON.stringify(all[setting.env])})`;
      const why = error instanceof Error ? error.message.replace(`${name}: `, '') : String(error);
      problems.push(`${setting.env}: ${setting.sensitive === true ? 'invalid' : stripValue(why)}${given}`);
    }
  }
  return { values: values as SettingsOf<S>, problems };
}

/** What convict accepts and misreads: `9000x` as the port 9000, `0` as true. */
function checkText(format: unknown, text: string | undefined): void {
  if (text === undefined) return;
  if ((format === 'port' || format === 'nat') && !/^\d+$/.test(text)) {
    throw new Error('must be a whole number from 0');
  }
  if (format === Boolean && !/^(true|false)$/i.test(text)) throw new Error('must be true or false');
}

/**
 * Runs all readers of settings.
 * @throws ConfigError with the messages of all that failed, one per line
 */
export function readAll<R extends Readonly<Record<string, () => unknown>>>(
  readers: R,
): { readonly [K in keyof R]: ReturnType<R[K]> } {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(readers)) {
    try {
      values[name] = read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return values as { readonly [K in keyof R]: ReturnType<R[K]> };
}

function stripValue(message: string): string {
  return message.split(': value was')[0] ?? message;
}

const LIVE = ` What is marked (live) may change while it runs: see ${ENV.settingsFolder}.`;

function help(program: string, settings: Settings): string {
  const hasLive = Object.values(settings).some(({ live }) => live === true);
  const rows = Object.values(settings).map(
    (setting) =>
      `  ${setting.env}\n      ${setting.doc}${defaultOf(setting)}${setting.live === true ? ' (live)' : ''}\n`,
  );
  return `${program}: configured by environment variables only.${hasLive ? LIVE : ''}\n\n${rows.join('')}`;
}

function defaultOf(setting: Setting<unknown>): string {
  const { default: value, format } = setting;
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (value === '' || value === null || isEmpty) return '';
  const isDuration = typeof format === 'string' && format.startsWith('duration-');
  const shown = isDuration ? `${Number(value) / 1000}s` : JSON.stringify(value);
  return ` (default: ${shown})`;
}
