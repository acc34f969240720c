/** The processor with the handlers of this project. */
import { HANDLERS } from '../csms/handlers/table.ts';
import { runProcessor } from './program.ts';

await runProcessor(HANDLERS);
