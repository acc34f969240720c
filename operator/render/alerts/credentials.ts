/** Alerts on certificates that expire, TLS files that are refused, and stations that are. */
import type { RenderInput } from '../render-input.ts';
import { listPods, type Readers, type Rule } from './rule.ts';

/** A certificate that expires earlier is reported. */
const EXPIRY_SECONDS = 7 * 86_400;
/** The same of the internal authority, as its successor must be in the bundle of every listener first. */
const AUTHORITY_EXPIRY_SECONDS = 30 * 86_400;
/** Refusals per second for a wrong password or certificate: scanners cause far fewer. */
const MANY_REFUSED = 0.5;

export function credentials(input: RenderInput, { metric, labelled }: Readers): Rule[] {
  return [
    {
      alert: 'OcppCertificateExpires',
      expr: `min by (listener, what) (${metric('certificateExpiry')}) - time() < ${EXPIRY_SECONDS}`,
      for: '10m',
      summary: 'a certificate or revocation list expires soon',
      description:
        'On the listener {{ $labels.listener }} expires in {{ $value | humanizeDuration }}: {{ $labels.what }} (server is its certificate). After it, stations refuse the server (server), are refused (client-ca), or certificates that are revoked later stay valid (revocation-list). Renew the Secret that the listener names: running Pods take it over and drop no socket. With tls.issuerRef, see why cert-manager has not renewed it: kubectl describe certificate. Steps: docs/incidents.md.',
    },
    {
      alert: 'OcppStationCertificatesExpire',
      expr: `sum(${labelled('stationCertificatesExpiring', 'within="7d"')}) > 0`,
      for: '10m',
      summary: 'certificates of connected stations expire soon',
      description: `The certificates of {{ $value | humanize }} connected stations expire within 7 days, or have expired. Their sockets stay open, but their next handshake is refused. Once a day the log of a ws-proxy names those that expire first (${listPods(input, 'ws-proxy')}). Let these stations request new certificates, or install them, and then reconnect: until then their sockets count with the former one.`,
    },
    {
      alert: 'OcppAuthorityExpires',
      expr: `min(${metric('authorityExpiry')}) - time() < ${AUTHORITY_EXPIRY_SECONDS}`,
      for: '10m',
      summary: 'the certificate of the internal authority expires soon',
      description:
        'It expires in {{ $value | humanizeDuration }}. After it, stations are refused whose certificates it has signed, also new ones. First add the new authority to ca.crt of tls.clientCaSecretName, then replace the Secret that certificateAuthority.internal names: processors read it for each certificate and need no restart.',
    },
    {
      alert: 'OcppRedisCertificateExpires',
      expr: `min(${metric('storeCertificateExpiry')}) - time() < ${EXPIRY_SECONDS}`,
      for: '10m',
      summary: 'the certificate of Redis expires soon',
      description:
        'It expires in {{ $value | humanizeDuration }}. After it, no Pod can connect to Redis any more: stations stay connected and get no answers. For the embedded Redis renew the Secret that redis.embedded.tls names, which it takes without a restart; with issuerRef, see why cert-manager has not renewed it: kubectl describe certificate.',
    },
    {
      alert: 'OcppTlsFilesRefused',
      expr: `max by (listener) (${metric('tlsRejected')}) > 0`,
      for: '2m',
      summary: 'TLS files are refused',
      description: `The files in the Secret of the listener {{ $labels.listener }} have a mistake or have expired. Running ws-proxies serve with those that they had. A Pod that starts now does not start, unless the files are only expired. The condition Secured of the OcppCluster says which file is wrong and why, and so does the log of a ws-proxy (${listPods(input, 'ws-proxy')}).`,
    },
    {
      alert: 'OcppCredentialsRefused',
      expr: `sum(rate(${labelled('proxyRefused', 'status=~"401|404",reason!="path"')}[10m])) > ${MANY_REFUSED}`,
      for: '15m',
      summary: 'many stations are refused for who they are',
      description:
        '{{ $value | humanize }} handshakes per second are refused for who the station is. The label reason of ocpp_proxy_handshakes_refused_total gives the cause, and the log of a ws-proxy the identities and addresses. After a change of passwords or certificates it may be the change; many identities from one address are a guess. Mostly unknown-station: the register may be lost, see docs/security.md.',
    },
  ];
}
