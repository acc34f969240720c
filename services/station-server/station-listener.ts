/** A listener of a station server, as plain data. */
import type { SecurityProfile } from '../access/security-profile.ts';
import type { CertificateHeader } from './forwarded/forwarded.ts';
import type { Protocol } from '../ocpp/frame.ts';

export interface StationListener {
  /** For logs and metrics; its port if omitted. */
  readonly name?: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Stations connect to `<path>/<identity>` here. */
  readonly path: string;
  /** 0 if omitted. */
  readonly securityProfile?: SecurityProfile;
  /** OCPP versions of this listener; those of the server if omitted. */
  readonly protocols?: readonly Protocol[];
  /** Of profiles 2 and 3 only. */
  readonly tls?: ListenerTls;
  /** Connections begin with a PROXY protocol header (version 2) of a trusted load balancer. */
  readonly proxyProtocol?: boolean;
}

export interface ListenerTls {
  /** A trusted load balancer terminates TLS and forwards the client certificate; there are no files then. */
  readonly terminated?: boolean;
  /** Where it forwards the client certificate; of profile 3. */
  readonly clientCertificateHeader?: CertificateHeader;
  /** Each with `tls.crt` and `tls.key`; two for RSA and ECDSA side by side. */
  readonly certificateFolders?: readonly string[];
  /** With `ca.crt`, and `ca.crl` if there are revocation lists; of profile 3. */
  readonly clientCaFolder?: string;
  /** TLSv1.2 if omitted. */
  readonly minVersion?: TlsVersion;
  /** OpenSSL names of suites of TLS 1.2; those of OCPP if omitted. */
  readonly cipherSuites?: readonly string[];
}

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];
