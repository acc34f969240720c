/** The built-in handlers, but for one change: Authorize refuses the tags that end with 7. */
import type { OCPP16 } from 'typed-ocpp';
import type { Handler } from '../../services/csms/handler.ts';
import { authorize16 } from '../../services/csms/handlers/authorization.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { runProcessor } from '../../services/processor/program.ts';

const Authorize: Handler<OCPP16.AuthorizeRequest, OCPP16.AuthorizeResponse> = async (request, context) => {
  const result = await authorize16(request, context);
  return request.idTag.endsWith('7') ? { ...result, response: { idTagInfo: { status: 'Blocked' } } } : result;
};

await runProcessor({ ...HANDLERS, 'ocpp1.6': { ...HANDLERS['ocpp1.6'], Authorize } });
