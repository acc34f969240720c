/** Traces of messages: for ws-proxy and processor as variables, mounted Secrets and settings. */
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import { ENV } from '../../services/contract.ts';
import { type Access, joined, NO_ACCESS, secretFile } from './front-door/service-access.ts';

type Spec = Pick<DefaultedSpec, 'tracing'>;

export function tracingAccess({ tracing }: Spec): Access {
  if (tracing === undefined) return NO_ACCESS;
  const { endpoint, headersSecret: { name, key = '' } = {} } = tracing;
  const collector = { env: [{ name: ENV.traceEndpoint, value: endpoint }], secrets: [] };
  return joined([collector, secretFile('trace-headers', name, key, ENV.traceHeadersFile)]);
}

/** The variables that may change while a ws-proxy runs. Empty without a collector. */
export const samplingSettings = ({ tracing }: Spec): { readonly name: string; readonly value: string }[] =>
  tracing === undefined ? [] : [{ name: ENV.traceShare, value: String(tracing.share) }];
