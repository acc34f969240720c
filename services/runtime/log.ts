/** Structured logs on standard output: one JSON object per line. */
import { pino } from 'pino';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log whose level can change. */
export interface LeveledLog extends Log {
  level: string;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields with these names are redacted. */
const SECRET_FIELDS = ['password', 'authorization', '*.password', '*.authorization'];

export function createLog(program: string, level: string): LeveledLog {
  return pino({
    name: program,
    level,
    redact: { paths: SECRET_FIELDS, censor: '[secret]' },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  });
}

/** Of a thrown value that is no Error. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'an object without a text form';
  }
}

/** An error as log fields: message and code. The stack only for errors without a code, which are not expected. */
export function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { error: textOf(error) };
  const code = 'code' in error ? { code: error.code } : {};
  return 'code' in error ? { error: error.message, ...code } : { error: error.message, stack: error.stack };
}
