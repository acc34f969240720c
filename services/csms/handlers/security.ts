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
import { infoOf } from './unsupported.ts';

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
  const statusInfo = infoOf(refusal.code, refusal.reason);
  return { response: { status: 'Rejected', statusInfo }, ...effects };
};

/** Stores a request that may be signed, in place of an earlier one. */
async function request(
  facts: Omit<RequestFacts, 'stationId' | 'protocol'>,
  context: HandlerContext,
): Promise<{ readonly refusal?: RequestRefusal; readonly effects: Effects }> {
  const { stationId, protocol, state, now } = context;
  const { certificateType } = facts;
  const refusal = await refusalOf(facts, context);
  if (refusal !== undefined) {
    const event = eventOf('certificate-refused', stationId, { certificateType, reason: refusal.reason });
    return { refusal, effects: { events: [event] } };
  }
  const stored = await state.field(requestRecord(stationId), typeOf(certificateType));
  const writes = storeRequest({ ...facts, stationId, protocol }, stored, now.getTime());
  return { effects: { writes } };
}

/** A client with a certificate is this station from then on, so it must have proved before that it is. */
async function refusalOf(
  { csr, certificateType }: Pick<RequestFacts, 'csr' | 'certificateType'>,
  { stationId, epoch, providers: { certificates }, state }: HandlerContext,
): Promise<RequestRefusal | undefined> {
  if (certificates === undefined)
    return { code: 'UnsupportedRequest', reason: 'no certificate authority is connected' };
  if (!(await state.isProven(stationId, epoch))) return UNPROVEN;
  const type = certificateType !== undefined && { certificateType };
  const reason = await certificates.refusalOf({ stationId, csr, ...type });
  return reason === undefined ? undefined : { code: 'InvalidCSR', reason };
}

interface RequestRefusal {
  /** Of the appendices of 2.x, Part 2. */
  readonly code: string;
  readonly reason: string;
}

const UNPROVEN: RequestRefusal = {
  code: 'NotEnabled',
  reason:
    'the station has not proved who it is; it must connect to a listener of security profile 1, 2 or 3, with its password or certificate',
};

interface Effects {
  readonly writes?: readonly StateWrite[];
  readonly events?: readonly ReturnType<typeof eventOf>[];
}
