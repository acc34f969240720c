/**
 * The processor with handlers of one's own beside the built-in ones: Acme's stations get an interval by their model, and
 * their DataTransfer is answered. README.md says how to build the image and how to name it in an OcppCluster.
 */
import { bootNotification16 } from 'ocpp-cluster/handlers/provisioning';
import { runProcessor } from 'ocpp-cluster/processor';
import { BUILT_IN, handlerTable, serverProfile } from 'ocpp-cluster/profile';

const acme = serverProfile('ocpp1.6', 'Acme', {
  /** In place of the built-in handler, on top of what it does. */
  BootNotification: async (request, context) => {
    const usual = await bootNotification16(request, context);
    const interval = request.chargePointModel.startsWith('DC') ? 30 : 900;
    return { ...usual, response: { ...usual.response, interval } };
  },
  /** Returns the response, the writes and the events as data; the transport applies all of it together, or nothing. */
  DataTransfer: async ({ vendorId, messageId = '', data = '' }, { stationId }) => {
    if (vendorId !== 'com.acme') return { response: { status: 'UnknownVendorId' } };
    if (messageId !== 'tilt') return { response: { status: 'UnknownMessageId' } };
    return {
      response: { status: 'Accepted', data: `noted: ${data}` },
      writes: [{ kind: 'set', key: `acme:${stationId}`, fields: { tilt: data }, expireSeconds: 86_400 }],
      events: [{ type: 'acme-tilt', stationId, fields: { tilt: data } }],
    };
  },
});

await runProcessor(handlerTable(...BUILT_IN, acme));
