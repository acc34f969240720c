/** The errors of this package, each with a stable code and a readable message. */

export type TransportErrorCode =
  | 'not-running'
  | 'not-connected'
  | 'station-offline'
  | 'session-refused'
  | 'registration-lost'
  | 'store-unavailable'
  | 'prefix-taken'
  | 'bad-envelope'
  | 'no-dead-letter'
  | 'no-unreadable-text'
  | 'bad-settings'
  | 'bad-call'
  | 'bad-cursor'
  | 'bad-entry'
  | 'key-conflict'
  | 'token-charging'
  | 'no-recording'
  | 'too-many-recordings'
  | 'too-many-calls'
  | 'call-abandoned';

/** The same call can succeed later without any change. */
const RETRYABLE: ReadonlySet<TransportErrorCode> = new Set([
  'not-connected',
  'station-offline',
  'registration-lost',
  'store-unavailable',
  'too-many-calls',
]);

export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}

const DENIED = /\b(?:NOPERM|ACL failure in script|The user executing the script )/;

/**
 * Whether the user of Redis lacks a right, and the command that it may not run.
 * @returns undefined for another error; '' where Redis does not name the command
 */
export function deniedCommand(error: unknown): string | undefined {
  const text = messageOf(error);
  if (!DENIED.test(text)) return undefined;
  return (/ the '([\w|]{1,40})' command/.exec(text)?.[1] ?? '').toUpperCase();
}

/** The words of whatever was thrown; objects without a text form included. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    return 'an object without a message was thrown';
  }
}
