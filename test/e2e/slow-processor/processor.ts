/** The built-in handlers, each after a wait: with one message at a time, a processor handles fewer than 50 per second. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Handler } from '../../../services/csms/handler.ts';
import { HANDLERS } from '../../../services/csms/handlers/table.ts';
import { runProcessor } from '../../../services/processor/program.ts';

const WAIT_MS = 20;

const slow =
  (handler: Handler): Handler =>
  async (request, context) => {
    await sleep(WAIT_MS);
    return handler(request, context);
  };

const slowTable = (table: Readonly<Record<string, Handler>>) =>
  Object.fromEntries(Object.entries(table).map(([action, handler]) => [action, slow(handler)]));

await runProcessor({
  'ocpp1.6': slowTable(HANDLERS['ocpp1.6']),
  'ocpp2.0.1': slowTable(HANDLERS['ocpp2.0.1']),
  'ocpp2.1': slowTable(HANDLERS['ocpp2.1']),
});
