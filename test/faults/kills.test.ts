/** `npm run faults`: more kills of a real API server in a row than fit into `npm test`. */
import { killsTest } from './kills-test.ts';

killsTest(50);
