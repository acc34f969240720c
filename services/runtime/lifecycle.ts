/**
 * The life of a program: main() starts it and returns how to stop it. SIGTERM or SIGINT stops it, a second signal ends it
 * immediately. An uncaught error ends it with status 1, so that its supervisor restarts it from a known state.
 */
import { ArgumentError, ConfigError } from './config.ts';
import { errorFields, type Log } from './log.ts';

export interface Running {
  /** Stops gracefully. The program ends when it resolves. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

export async function runProgram(log: () => Log, main: () => Promise<Running>): Promise<void> {
  const fail = (error: unknown) => {
    if (isBadSetting(error)) process.stderr.write(`${error.message}\n`);
    else if (isPortTaken(error)) process.stderr.write(`${portTaken(error)}\n`);
    else log().error(errorFields(error), 'the program ends because of an error');
    process.exit(error instanceof ArgumentError ? 2 : 1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  let running: Running | undefined;
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    // Before main() resolves there is nothing to stop gracefully.
    if (running === undefined) process.exit(0);
    if (stopping) process.exit(1);
    stopping = true;
    running.stop(signal).then(() => process.exit(0), fail);
  };
  // Set before main(), which may wait long for Redis or an API server.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    running = await main();
  } catch (error) {
    fail(error);
  }
}

interface PortError extends Error {
  readonly address: string;
  readonly port: number;
}

function isPortTaken(error: unknown): error is PortError {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error;
}

const portTaken = ({ address, port }: PortError) =>
  `port ${port} of ${address} is in use by another program: stop that program, or set another port (--help lists the variables)`;

/** The message says what to correct; a stack trace would not help. */
function isBadSetting(error: unknown): error is Error {
  return (
    error instanceof ConfigError ||
    (error instanceof Error && 'code' in error && error.code === 'bad-settings')
  );
}
