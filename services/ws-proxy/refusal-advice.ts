/** What the operator of a cluster can do about each kind of refused handshake: the last words of its log line. */
import { ENV } from '../contract.ts';
import type { RefusalCode } from '../station-server/handshake.ts';

export const REFUSAL_ADVICE: Readonly<Record<RefusalCode, string>> = {
  'no-upgrade': 'let the load balancer pass on the headers Upgrade and Connection',
  'bad-handshake': 'connect with a WebSocket client (RFC 6455, version 13)',
  'bad-request':
    'connect with TLS, or with a PROXY protocol header, only to a listener that expects it; otherwise the client sends no HTTP',
  tls: 'let the station connect with TLS 1.2 or 1.3 and trust the CA of the certificate; docs/security.md lists the suites',
  'headers-too-large': `remove headers at the load balancer, or raise headerBytes in limits of the listener or in proxy.limits (${ENV.maxHeaderBytes})`,
  'request-timeout': `nothing if it is a scanner; for stations on slow links raise handshakeSeconds in limits of the listener or in proxy.limits (${ENV.handshakeTimeout})`,
  'proxy-protocol':
    'let the load balancer send the PROXY protocol, version 2, or set proxyProtocol of the listener to false',
  untrusted: `let clients connect through the load balancer, and name its network in proxy.trustedNetworks (${ENV.trustedNetworks})`,
  insecure: 'let the load balancer redirect or refuse connections without TLS',
  path: 'configure the station with the URL <path of the listener>/<identity>',
  identity: 'give the station an identity that its OCPP version allows, percent-encoded in the URL',
  'unknown-station': `register the station, or set authentication.unknownStations (${ENV.unknownStations}) to Accept`,
  'bad-entry': 'correct the entry of the station',
  webhook: 'ask the owner of the webhook why',
  blocked: 'nothing, or unblock the station in its entry',
  'profile-too-low':
    'let the station connect to a listener of the profile that its entry demands, or change the entry',
  downgrade:
    'let the station connect with the profile that it used before; after a factory reset or a new board, reset its kept profile: docs/security.md',
  'no-credentials': 'configure a password at the station, or let it connect to another listener',
  'malformed-credentials': 'let the station send base64 of <identity>:<password> as HTTP Basic',
  'user-name': 'configure the identity of the station as its user name',
  'no-password': 'store a password for the station',
  password: 'configure the stored password at the station, or store the one that it has',
  'no-certificate': 'install a client certificate at the station',
  certificate: 'issue a certificate of a CA in the bundle of the listener, that is valid and not revoked',
  'certificate-identity':
    'issue a certificate whose common name or DNS name is the identity, or store its serial number in the entry',
  'certificate-organization': `issue a certificate of the organization in authentication.certificateOrganization (${ENV.certificateOrganization})`,
  attempts: 'nothing if they are guesses; otherwise correct the credentials of the station, and wait',
  busy: 'nothing if it ends soon: these are many stations at once, or guesses; otherwise make the webhook faster, or store passwords with HMAC',
  'source-away': 'restore the source of entries; the log of this proxy says why it cannot be used',
  'no-subprotocol': `configure the OCPP version at the station, or set proxy.defaultProtocol (${ENV.defaultProtocol})`,
  'unknown-subprotocol': `configure an accepted OCPP version at the station; spec.protocols (${ENV.protocols}) names them`,
  'connect-rate': `nothing if it ends soon: the station has a time to return; otherwise raise proxy.admission.connectionsPerSecond (${ENV.connectRate})`,
  flapping: `find out why the station reconnects; for a test bench raise reconnectBurst (${ENV.reconnectBurst}) and reconnectsPerMinute (${ENV.reconnectsPerMinute}) in limits of its listener or in proxy.limits`,
  sessions: `add proxies, or raise proxy.maxSessionsPerPod (${ENV.maxSessions})`,
  'listener-sessions': `add proxies, raise limits.sessions of the listener that the line names (${ENV.listenerLimits}), or let the station connect to another one`,
  connections:
    'look for clients that connect and send no handshake: ocpp_proxy_sessions is far below the limit',
  'address-connections': `look at this address; if it is a NAT or a load balancer, raise handshakesPerAddress (${ENV.maxHandshakesPerAddress}) and connectionsPerAddress (${ENV.maxConnectionsPerAddress}) in limits of the listener or in proxy.limits, or name it in proxy.trustedNetworks (${ENV.trustedNetworks})`,
  draining: 'nothing: the station reconnects to another proxy',
  'store-away': 'restore Redis; the log of this proxy says why it cannot be used',
  'store-full': 'give Redis more memory, or find what fills it: docs/bounds.md',
};
