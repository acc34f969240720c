/**
 * ISO 15118 (2.x, M and C07): certificates of vehicles and contracts. A provider outside of the cluster answers; without one, or if its
 * answer is not what the schema allows, the request fails, and the vehicle uses another means of identification.
 */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import { validateResponse } from '../../ocpp/schema.ts';
import { errorFields } from '../../runtime/log.ts';
import { type ContractQuestion, ProviderError } from '../credentials/providers.ts';
import type { Handler, HandlerContext } from '../handler.ts';
import { infoOf, unsupported } from './unsupported.ts';

type Fields = Readonly<Record<string, unknown>>;
type EVCertificateRequest = OCPP20.Get15118EVCertificateRequest | OCPP21.Get15118EVCertificateRequest;
type EVCertificateResponse = OCPP20.Get15118EVCertificateResponse & OCPP21.Get15118EVCertificateResponse;
type ChainStatusResponse = OCPP21.GetCertificateChainStatusResponse;

/** When a station may request the status of a certificate chain again: without a provider; after a failure; ms. */
const ASK_AGAIN_MS = 86_400_000;
const RETRY_MS = 3_600_000;
const FAILED = infoOf('InternalError', 'the provider of contract certificates cannot answer now');

/** M01, M02: the vehicle uses its present certificate, or another means of identification. */
export const get15118EVCertificate: Handler<EVCertificateRequest, EVCertificateResponse> = async (
  request,
  context,
) => {
  const { iso15118SchemaVersion: schemaVersion, action, exiRequest } = request;
  if (context.providers.contracts === undefined) {
    const statusInfo = unsupported('no contract certificate pool is connected');
    return { response: { status: 'Failed', exiResponse: '', statusInfo } };
  }
  const limits = limitsOf(request);
  const answer = await ask(context, {
    operation: 'ev-certificate',
    identity: context.stationId,
    schemaVersion,
    action,
    exiRequest,
    ...limits,
  });
  const { status, exiResponse, remainingContracts } = answer ?? {};
  const response = {
    status,
    exiResponse,
    ...(context.protocol === 'ocpp2.1' && remainingContracts !== undefined && { remainingContracts }),
  };
  const failed: EVCertificateResponse = { status: 'Failed', exiResponse: '', statusInfo: FAILED };
  return { response: answer === undefined ? failed : checked(context, request15118, response, failed) };
};

const request15118 = 'Get15118EVCertificate';

function limitsOf(request: EVCertificateRequest) {
  const { maximumContractCertificateChains, prioritizedEMAIDs } =
    request as OCPP21.Get15118EVCertificateRequest;
  return {
    ...(maximumContractCertificateChains !== undefined && { maximumContractCertificateChains }),
    ...(prioritizedEMAIDs !== undefined && { prioritizedEMAIDs }),
  };
}

/** M06: the station forwards the OCSP response to the vehicle. */
export const getCertificateStatus: Handler<
  OCPP20.GetCertificateStatusRequest | OCPP21.GetCertificateStatusRequest,
  OCPP20.GetCertificateStatusResponse & OCPP21.GetCertificateStatusResponse
> = async ({ ocspRequestData }, context) => {
  if (context.providers.contracts === undefined) {
    const statusInfo = unsupported('no OCSP responder is connected');
    return { response: { status: 'Failed', statusInfo } };
  }
  const answer = await ask(context, {
    operation: 'certificate-status',
    identity: context.stationId,
    ocspRequestData,
  });
  const failed = { status: 'Failed', statusInfo: FAILED } as const;
  const { ocspResult } = answer ?? {};
  if (typeof ocspResult !== 'string' || ocspResult === '') return { response: failed };
  const response = { status: 'Accepted', ocspResult };
  return { response: checked(context, 'GetCertificateStatus', response, failed) };
};

/** 2.1: the status of each certificate of a chain, in the order of the request. */
export const getCertificateChainStatus: Handler<
  OCPP21.GetCertificateChainStatusRequest,
  ChainStatusResponse
> = async ({ certificateStatusRequests }, context) => {
  const { now, providers } = context;
  const allWith = (of: (index: number) => { status: unknown; nextUpdate: unknown }) => ({
    certificateStatus: certificateStatusRequests.map(({ certificateHashData, source }, index) => ({
      certificateHashData,
      source,
      ...of(index),
    })),
  });
  const after = (ms: number) => new Date(now.getTime() + ms).toISOString();
  const failedFor = (ms: number) =>
    allWith(() => ({ status: 'Failed', nextUpdate: after(ms) })) as ChainStatusResponse;
  if (providers.contracts === undefined) return { response: failedFor(ASK_AGAIN_MS) };
  const answer = await ask(context, {
    operation: 'certificate-chain-status',
    identity: context.stationId,
    certificateStatusRequests,
  });
  const statuses = answer?.['certificateStatus'];
  if (!Array.isArray(statuses)) return { response: failedFor(RETRY_MS) };
  const response = allWith((index) => {
    const { status, nextUpdate } = (statuses[index] ?? {}) as Fields;
    return { status, nextUpdate };
  });
  return { response: checked(context, 'GetCertificateChainStatus', response, failedFor(RETRY_MS)) };
};

/** The answer of the provider; undefined, and logged, if there is none. */
export async function ask(
  { providers, stationId, log }: HandlerContext,
  question: ContractQuestion,
): Promise<Fields | undefined> {
  try {
    return await providers.contracts?.ask(question);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const about = { stationId, operation: question.operation, ...errorFields(error) };
    log.warn(about, 'the provider of contract certificates did not answer');
    return undefined;
  }
}

/** A response made of the provider's fields, or `failed` if its schema does not allow them. */
function checked<Response extends object>(
  { protocol, stationId, log }: HandlerContext,
  action: string,
  response: object,
  failed: Response,
): Response {
  const fault = validateResponse(protocol, action, response);
  // The schema has proved it.
  if (fault === undefined) return response as Response;
  const about = { stationId, action, fault: fault.description };
  log.warn(about, 'the provider of contract certificates answered what the schema does not allow');
  return failed;
}
