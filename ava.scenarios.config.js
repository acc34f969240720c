/**
 * `npm run scenarios`: whole programs that are killed and paused, with stations of other projects, a fuzzer, and the commands of the docs;
 * they take minutes.
 */
import { join } from 'node:path';

/** `npm test` leaves them out. */
export const SCENARIOS = [
  'test/scenario/**/*.test.ts',
  'test/third-party/**/*.test.ts',
  'test/fuzz-wire/**/*.test.ts',
  'test/docs/security-commands.test.ts',
  'test/operator/local/trial.test.ts',
  'test/processor/security/*-redis.test.ts',
];

export default {
  concurrency: 2,
  environmentVariables: {
    NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.cache', 'compiled'),
  },
  extensions: ['ts'],
  files: SCENARIOS,
  timeout: '5m',
  failFast: false,
  workerThreads: false,
};
