/** How ocppctl ends: the exit statuses, and the error that carries one. Its message is a sentence that names the next step. */

export const EXIT = {
  ok: 0,
  /** The command failed, or the station refused it or was not reached. */
  failed: 1,
  usage: 2,
  /** The API or Redis is out of reach, or the API does not accept the token. */
  away: 3,
  /** Ctrl-C, as a shell reports it. */
  interrupted: 130,
} as const;

export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** @param command whose help explains it; empty: the list of commands */
export function usageError(message: string, command = ''): ExitError {
  return new ExitError(EXIT.usage, `${message}; see ocppctl help${command === '' ? '' : ` ${command}`}`);
}

export const failure = (message: string): ExitError => new ExitError(EXIT.failed, message);
export const away = (message: string): ExitError => new ExitError(EXIT.away, message);
