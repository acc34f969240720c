/**
 * What handlers and the issuer ask of the outside: an authority that signs the certificates of stations, and a provider of ISO 15118
 * (OCSP, contract certificates). Without one, requests are refused. Its implementations are beside this file. Decisions about tokens
 * and stations are in ../decisions.
 */

import type { DecisionProvider } from '../decisions/decision-provider.ts';

/** A request of a station for a certificate. */
export interface SigningOrder {
  readonly stationId: string;
  /** PKCS #10, as the station sent it. */
  readonly csr: string;
  /** As the station sent it: `ChargingStationCertificate`, `V2GCertificate` or `V2G20Certificate`; absent in 1.6. */
  readonly certificateType?: string;
  /** Names the request: the same one when it is asked for again, so that an authority can answer with the same certificate. */
  readonly requestKey: string;
}

export interface SignedCertificate {
  /** PEM: the certificate of the station, then those of its issuers. */
  readonly chain: string;
  /** Upper-case hexadecimal. */
  readonly serialNumber: string;
}

export interface CertificateProvider {
  /** Why the request is refused, for the log of the station; undefined if it may be signed. Asks nothing outside of the process. */
  refusalOf(order: Omit<SigningOrder, 'requestKey'>): Promise<string | undefined>;
  /** Rejects with ProviderError. */
  sign(order: SigningOrder): Promise<SignedCertificate>;
}

export interface ContractProvider {
  /** The answer to a question, as the provider gave it: its shape is not checked. Rejects with ProviderError. */
  ask(question: ContractQuestion): Promise<Readonly<Record<string, unknown>>>;
}

/** The body of a request to the provider. */
export type ContractQuestion =
  | {
      readonly operation: 'certificate-status';
      readonly identity: string;
      readonly ocspRequestData: object;
    }
  | {
      readonly operation: 'certificate-chain-status';
      readonly identity: string;
      readonly certificateStatusRequests: readonly object[];
    }
  | {
      readonly operation: 'ev-certificate';
      readonly identity: string;
      readonly schemaVersion: string;
      readonly action: string;
      readonly exiRequest: string;
      readonly maximumContractCertificateChains?: number;
      readonly prioritizedEMAIDs?: readonly string[];
    }
  | {
      readonly operation: 'authorize';
      readonly identity: string;
      readonly idToken: object;
      readonly certificate?: string;
      readonly hashData?: readonly object[];
    };

/** The providers of a processor. */
export interface Providers {
  readonly certificates?: CertificateProvider;
  readonly contracts?: ContractProvider;
  /** Decides about tokens, boots and DataTransfer; without it the lists of the product do. */
  readonly decisions?: DecisionProvider;
}

export const NO_PROVIDERS: Providers = {};

/** Why a provider did not do what it was asked. The message says what to do, and holds no certificate. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly code: 'provider-unavailable' | 'provider-refused' | 'provider-answer';

  /**
   * - `provider-unavailable`: the same request can succeed later;
   * - `provider-refused`: it refuses this request;
   * - `provider-answer`: its answer cannot be used.
   */
  constructor(code: ProviderError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get retryable(): boolean {
    return this.code === 'provider-unavailable';
  }
}
