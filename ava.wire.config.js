/** `npm run wire`: stations and tools of other projects, and the fuzzer; they take minutes. */
import npmTest from './ava.config.js';

const { environmentVariables } = npmTest;

export default {
  concurrency: 2,
  environmentVariables,
  extensions: ['ts'],
  files: ['test/third-party/**/*.test.ts', 'test/fuzz-wire/**/*.test.ts'],
  timeout: '5m',
  failFast: false,
  workerThreads: false,
};
