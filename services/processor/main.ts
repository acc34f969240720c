/** The processor with the handlers of this project. */
import { HANDLERS } from './handlers/table.ts';
import { runProcessor } from './program.ts';

await runProcessor(HANDLERS);
