/** Five kills of a real API server in a row; `npm run faults` does fifty. */
import { killsTest } from '../../faults/kills-test.ts';

killsTest(5);
