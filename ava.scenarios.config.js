/**
 * `npm run scenarios`: what takes a minute or more: whole programs that are killed and paused, browsers, fuzzers, programs of other projects, and what
 * is delivered.
 */
import './ava.tap.js';
import { join } from 'node:path';

/** `npm test` leaves them out. */
export const SCENARIOS = [
  'test/scenario/**/*.test.ts',
  'test/third-party/**/*.test.ts',
  'test/fuzz-wire/**/*.test.ts',
  'test/chaos/**/*.test.ts',
  'test/fuzz-bills/**/*.test.ts',
  'test/operator/api-server/{faults,kills,failover}.test.ts',
  'test/delivery/{image,scripts}.test.ts',
  'test/packages/**/*.test.ts',
  'test/charts/permissions.test.ts',
  'test/operator/whatif/shapes.test.ts',
  'test/docs/{api,decision,ocppctl,security}-commands.test.ts',
  'test/docs/backend-example.test.ts',
  'test/operator/local/trial.test.ts',
  'test/processor/security/*-redis.test.ts',
  'test/processor/decisions/programs.test.ts',
  'test/api/{broadcast-owners,events,history,recordings}.test.ts',
  'test/replay/**/*.test.ts',
  'test/tracing/programs.test.ts',
  'test/api/webhooks/delivery.test.ts',
  'test/api-clients/**/*.test.ts',
  'test/ocppctl/program.test.ts',
  'test/console/**/*.test.ts',
  'test/dashboard/{operator,queries}.test.ts',
  'test/incidents/incidents.test.ts',
  'test/bill-sink/{kills,losses,operation,rows}.test.ts',
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
