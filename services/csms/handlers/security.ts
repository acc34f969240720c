/**
 * Security: events, and certificates for the connection of a station. A request for a certificate is stored, and the issuer
 * (credentials/issuer.ts) does the rest. Without an authority it is refused: after "Accepted" a station would wait for a
 * certificate that never arrives.
 */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import {
  type RequestFacts,
  requestRecord,
  storeRequest,
  typeOf,
} from '../credentials/certificate-request.ts';
import type { Handler, HandlerContext } from '../handler.ts';
import { eventOf } from '../facts.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import { notice } from './notice.ts';
import { infoOf, unsupported } from './unsupported.ts';

type SecurityEvent =
  | OCPP16.SecurityEventNotificationRequest
  | OCPP20.SecurityEventNotificationRequest
  | OCPP21.SecurityEventNotificationRequest;

export const securityEventNotification = notice<SecurityEvent>(
  'security-event',
  ({ type, timestamp, techInfo }) => ({ event: type, at: timestamp, techInfo }),
  'dated',
);

/** The 1.6 whitepaper has no statusInfo. */
export const signCertificate16: Handler<
  OCPP16.SignCertificateRequest,
  OCPP16.SignCertificateResponse
> = async ({ csr }, context) => {
  const { refusal, effects } = await request({ csr }, context);
  return { response: { status: refusal === undefined ? 'Accepted' : 'Rejected' }, ...effects };
};

export const signCertificate2: Handler<
  OCPP20.SignCertificateRequest | OCPP21.SignCertificateRequest,
  OCPP20.SignCertificateResponse & OCPP21.SignCertificateResponse
> = async (sent, context) => {
  const { csr, certificateType } = sent;
  const requestId = 'requestId' in sent ? sent.requestId : undefined;
  const { refusal, effects } = await request(
    {
      csr,
      ...(certificateType !== undefined && { certificateType }),
      ...(requestId !== undefined && { requestId }),
    },
    context,
  );
  if (refusal === undefined) return { response: { status: 'Accepted' }, ...effects };
  const statusInfo =
    context.providers.certificates === undefined ? unsupported(refusal) : infoOf('InvalidCSR', refusal);
  return { response: { status: 'Rejected', statusInfo }, ...effects };
};

/** Stores a request that may be signed, in place of an earlier one. */
async function request(
  facts: Omit<RequestFacts, 'stationId' | 'protocol'>,
  { stationId, protocol, providers, state, now }: HandlerContext,
): Promise<{ readonly refusal?: string; readonly effects: Effects }> {
  const { csr, certificateType } = facts;
  const about = { stationId, csr, ...(certificateType !== undefined && { certificateType }) };
  const refusal =
    providers.certificates === undefined
      ? 'no certificate authority is connected'
      : await providers.certificates.refusalOf(about);
  if (refusal !== undefined) {
    const event = eventOf('certificate-refused', stationId, { certificateType, reason: refusal });
    return { refusal, effects: { events: [event] } };
  }
  const stored = await state.field(requestRecord(stationId), typeOf(certificateType));
  const writes = storeRequest({ ...facts, stationId, protocol }, stored, now.getTime());
  return { effects: { writes } };
}

interface Effects {
  readonly writes?: readonly StateWrite[];
  readonly events?: readonly ReturnType<typeof eventOf>[];
}
