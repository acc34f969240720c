/** Five kills of a real API server in a row; `npm run faults` does fifty. */
import { killsTest } from '../../support/kills-test.ts';

killsTest(5);
