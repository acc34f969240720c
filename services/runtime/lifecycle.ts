/**
 * How a program runs: main() starts it and returns how to stop it; SIGTERM or SIGINT stops it once,
 * a second signal ends it at once. What nobody caught ends it with status 1, so that its supervisor
 * starts it anew from a known state.
 */
import { ConfigError } from './config.ts';
import { errorFields, type Log } from './log.ts';

export interface Running {
  /** Stops in good order. The program ends when it resolves. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

export async function runProgram(log: () => Log, main: () => Promise<Running>): Promise<void> {
  const fail = (error: unknown) => {
    if (isBadSetting(error)) process.stderr.write(`${error.message}\n`);
    else log().error(errorFields(error), 'ended by an error nobody handled');
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  let running: Running | undefined;
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    // Before main() is through there is nothing to give up in good order.
    if (running === undefined) process.exit(0);
    if (stopping) process.exit(1);
    stopping = true;
    running.stop(signal).then(() => process.exit(0), fail);
  };
  // Before main(), which may wait long for Redis or an API server.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    running = await main();
  } catch (error) {
    fail(error);
  }
}

/** Its sentence says what to correct; where it was thrown helps nobody. */
function isBadSetting(error: unknown): error is Error {
  return (
    error instanceof ConfigError ||
    (error instanceof Error && 'code' in error && error.code === 'bad-settings')
  );
}
