/**
 * Security: events and certificates. No certificate authority and no OCSP responder are connected, so requests are
 * refused: after "Accepted" a station would wait for a certificate that never arrives.
 */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import type { Handler, HandlerContext } from '../handler.ts';
import { eventOf } from '../facts.ts';
import { notice } from './notice.ts';
import { unsupported } from './unsupported.ts';

type SecurityEvent =
  | OCPP16.SecurityEventNotificationRequest
  | OCPP20.SecurityEventNotificationRequest
  | OCPP21.SecurityEventNotificationRequest;
type Refusal<Status extends string> = Handler<
  object,
  { status: Status; statusInfo: ReturnType<typeof unsupported> }
>;

/** When a station may request the status of a certificate chain again; ms. */
const ASK_AGAIN_MS = 86_400_000;

export const securityEventNotification = notice<SecurityEvent>(
  'security-event',
  ({ type, timestamp, techInfo }) => ({ event: type, at: timestamp, techInfo }),
  'dated',
);

/** The 1.6 whitepaper has no statusInfo. */
export const signCertificate16: Handler<
  OCPP16.SignCertificateRequest,
  OCPP16.SignCertificateResponse
> = async (_request, context) => ({
  response: { status: 'Rejected' },
  events: [certificateRefused(context)],
});

export const signCertificate2: Handler<
  OCPP20.SignCertificateRequest | OCPP21.SignCertificateRequest,
  OCPP20.SignCertificateResponse & OCPP21.SignCertificateResponse
> = async ({ certificateType }, context) => ({
  response: { status: 'Rejected', statusInfo: unsupported('no certificate authority is connected') },
  events: [certificateRefused(context, certificateType)],
});

/** M01, M02: the vehicle uses its present certificate, or another means of identification. */
export const get15118EVCertificate: Handler<
  object,
  OCPP20.Get15118EVCertificateResponse & OCPP21.Get15118EVCertificateResponse
> = async () => ({
  response: {
    status: 'Failed',
    exiResponse: '',
    statusInfo: unsupported('no contract certificate pool is connected'),
  },
});

export const getCertificateStatus: Refusal<'Failed'> = async () => ({
  response: { status: 'Failed', statusInfo: unsupported('no OCSP responder is connected') },
});

export const getCertificateChainStatus: Handler<
  OCPP21.GetCertificateChainStatusRequest,
  OCPP21.GetCertificateChainStatusResponse
> = async ({ certificateStatusRequests }, { now }) => {
  const nextUpdate = new Date(now.getTime() + ASK_AGAIN_MS).toISOString();
  const [first, ...others] = certificateStatusRequests.map(({ certificateHashData, source }) => ({
    certificateHashData,
    source,
    status: 'Failed' as const,
    nextUpdate,
  }));
  if (first === undefined) throw new Error('the schema requires at least one certificate');
  return { response: { certificateStatus: [first, ...others] } };
};

function certificateRefused({ stationId }: HandlerContext, certificateType?: string) {
  return eventOf('certificate-refused', stationId, { certificateType });
}
