/** `npm test`. */
import './ava.tap.js';
import { join } from 'node:path';
import { SCENARIOS } from './ava.scenarios.config.js';
import { offerApiServer } from './test/support/shared-api-server.ts';

/** Files that run for a minute or more, mostly waiting: they begin first, so that none of them is left alone at the end. */
const LONG = [
  'test/operator/crd/fields.test.ts',
  'test/operator/rollout/rollout.test.ts',
  'test/operator/api-server/lifecycle.test.ts',
  'test/field/field.test.ts',
];

const rank = (file) => {
  const index = LONG.findIndex((one) => file.endsWith(one));
  return index === -1 ? LONG.length : index;
};

export default {
  concurrency: 4,
  // Most of the time of a short test file goes into loading modules, which the programs that it starts load again.
  environmentVariables: {
    NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.cache', 'compiled'),
    ...offerApiServer(),
  },
  extensions: ['ts'],
  files: [
    'test/**/*.test.ts',
    'examples/**/*.test.ts',
    '!test/e2e/**',
    '!test/faults/**',
    ...SCENARIOS.map((files) => `!${files}`),
  ],
  sortTestFiles: (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  timeout: '60s',
  workerThreads: false,
};
