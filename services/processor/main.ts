/** The processor with the built-in handlers. */
import { HANDLERS } from '../csms/handlers/table.ts';
import { runProcessor } from './program.ts';

await runProcessor(HANDLERS);
