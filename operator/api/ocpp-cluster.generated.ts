// Made from crds/ocppclusters.yaml by `npm run generate`. Do not edit.

/** Desired state of the cluster. */
export interface OcppClusterSpec {
  /** Image of ws-proxy, processor, API and bill sink. */
  readonly image?: ImageSpec;
  /**
   * Whether a new version of the operator may replace the Pods of this cluster. Manual keeps image and Pod
   * templates until spec.image changes. Auto moves to those of the operator at once; an image named in
   * spec.image stays.
   */
  readonly upgrade?: 'Manual' | 'Auto';
  /** OCPP versions offered to stations. A change restarts ws-proxy. */
  readonly protocols?: readonly ('ocpp2.1' | 'ocpp2.0.1' | 'ocpp1.6')[];
  /**
   * Endpoints for stations: ws://<address>:<port><path>/<identity>, wss:// with TLS. Each listener has its
   * own port in the Service and in every ws-proxy Pod. Rates apply to all listeners together. Append new
   * ones at the end. Adding, removing or renaming a listener restarts ws-proxy, but for renaming the first
   * of plain ones. A renamed one is closed until the rollout switches to the new Pods: better add one of
   * the new name on another port first.
   */
  readonly listeners?: readonly ListenerSpec[];
  /**
   * Who may connect. If omitted, nothing is known about stations: listeners of securityProfile 0 take any
   * identity, and those of 3 the one in a valid certificate. docs/security.md leads from there to profile
   * 3.
   */
  readonly authentication?: AuthenticationSpec;
  /**
   * Signs the certificates that stations request through OCPP (SignCertificate). If omitted, such requests
   * are refused.
   */
  readonly certificateAuthority?: CertificateAuthoritySpec;
  /** Plug and charge (ISO 15118). */
  readonly iso15118?: Iso15118Spec;
  /**
   * Decisions of yours instead of those by the lists in Redis: which token may charge, which station is
   * accepted, what a DataTransfer gets.
   */
  readonly decisions?: DecisionsSpec;
  /**
   * Traces of messages for an OpenTelemetry collector, from the socket through the queue to the response.
   * Off if omitted.
   */
  readonly tracing?: TracingSpec;
  /** The ws-proxy Pods. They hold the sockets of the stations and do not interpret messages. */
  readonly proxy?: ProxySpec;
  /** The processor Pods. They answer the messages of the stations. */
  readonly processor?: ProcessorSpec;
  /**
   * The HTTP API <cluster>-api for your back office: commands to stations, and what is stored of them. It
   * also serves the console, the web page of the network. It gets no messages of stations.
   */
  readonly api?: ApiSpec;
  /**
   * Where bills go. Without a sink the newest stay in Redis, for a program of yours that reads them there.
   */
  readonly billing?: BillingSpec;
  /** Objects for the Prometheus operator, where it is installed. */
  readonly monitoring?: MonitoringSpec;
  /**
   * NetworkPolicies that allow these Pods only the traffic that they need, if the network of the Kubernetes
   * cluster enforces them. Your own NetworkPolicy can allow more.
   */
  readonly networkPolicy?: NetworkPolicySpec;
  /** The Redis between proxies and processors: embedded (run by the operator) unless external is given. */
  readonly redis?: RedisSpec;
}

/** {@link OcppClusterSpec} with its defaults. */
export interface DefaultedSpec {
  readonly image: DefaultedImage;
  readonly upgrade: 'Manual' | 'Auto';
  readonly protocols: readonly ('ocpp2.1' | 'ocpp2.0.1' | 'ocpp1.6')[];
  readonly listeners: readonly DefaultedListener[];
  readonly authentication?: DefaultedAuthentication;
  readonly certificateAuthority?: DefaultedCertificateAuthority;
  readonly iso15118?: Iso15118Spec;
  readonly decisions?: DefaultedDecisions;
  readonly tracing?: DefaultedTracing;
  readonly proxy: DefaultedProxy;
  readonly processor: DefaultedProcessor;
  readonly api: DefaultedApi;
  readonly billing: DefaultedBilling;
  readonly monitoring: DefaultedMonitoring;
  readonly networkPolicy: DefaultedNetworkPolicy;
  readonly redis: DefaultedRedis;
}

/** Image of ws-proxy, processor, API and bill sink. */
export interface ImageSpec {
  /**
   * Empty means the repository of the operator at creation; status.image keeps the choice. A change
   * restarts ws-proxy, processor, api and bill-sink.
   */
  readonly repository?: string;
  /**
   * Empty means the tag of the operator at creation; status.image keeps the choice. May carry a digest
   * (tag@sha256:…). A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly tag?: string;
  /** When the nodes pull the image. A change restarts ws-proxy, processor, redis, api and bill-sink. */
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /**
   * Names of the Secrets in this namespace that the nodes use to pull images. A change restarts ws-proxy,
   * processor, redis, api and bill-sink.
   */
  readonly pullSecrets?: readonly string[];
}

/** {@link ImageSpec} with its defaults. */
export interface DefaultedImage {
  readonly repository: string;
  readonly tag: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly pullSecrets: readonly string[];
}

export interface ListenerSpec {
  /** Name of the port in the Service. */
  readonly name: string;
  /** Port of the Service. */
  readonly port?: number;
  /** URL path before the identity of the station. A change restarts ws-proxy. */
  readonly path?: string;
  /**
   * Port on every node, with proxy.service.type NodePort or LoadBalancer. If omitted, Kubernetes assigns
   * one and keeps it.
   */
  readonly nodePort?: number;
  /**
   * How stations prove who they are, as OCPP numbers it: 0 not at all, 1 by a password in clear (HTTP
   * Basic), 2 by a password inside TLS, 3 by a certificate of their own (mutual TLS). A change restarts
   * ws-proxy.
   */
  readonly securityProfile?: number;
  /**
   * OCPP versions of this listener, some of spec.protocols. If omitted, all of these. A change restarts
   * ws-proxy.
   */
  readonly protocols?: readonly ('ocpp2.1' | 'ocpp2.0.1' | 'ocpp1.6')[];
  /**
   * Certificate and TLS settings, with securityProfile 2 and 3. Running Pods follow changes of the Secrets,
   * and keep the earlier files if the new ones are not usable.
   */
  readonly tls?: ListenerTlsSpec;
  /**
   * Whether each connection begins with a PROXY protocol header (version 2) of a load balancer in
   * proxy.trustedNetworks. A change restarts ws-proxy.
   */
  readonly proxyProtocol?: boolean;
  /**
   * Limits of this listener; what is omitted is as in proxy.limits. A change takes effect in running Pods,
   * but for the first and the last limits of a cluster whose listeners have neither securityProfile nor
   * protocols nor proxyProtocol, and which has no authentication: these restart ws-proxy. Pods find the
   * limits by the name of the listener: after a renaming, Pods of the earlier name use those of
   * proxy.limits until they are replaced.
   */
  readonly limits?: ListenerLimitsSpec;
}

/** {@link ListenerSpec} with its defaults. */
export interface DefaultedListener {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly nodePort?: number;
  readonly securityProfile: number;
  readonly protocols?: readonly ('ocpp2.1' | 'ocpp2.0.1' | 'ocpp1.6')[];
  readonly tls?: DefaultedListenerTls;
  readonly proxyProtocol: boolean;
  readonly limits?: ListenerLimitsSpec;
}

/**
 * Certificate and TLS settings, with securityProfile 2 and 3. Running Pods follow changes of the Secrets,
 * and keep the earlier files if the new ones are not usable.
 */
export interface ListenerTlsSpec {
  /**
   * Where TLS ends. LoadBalancer: in front of the ws-proxies, which take plain connections from
   * proxy.trustedNetworks and, with securityProfile 3, the forwarded certificate of the station. A change
   * restarts ws-proxy.
   */
  readonly termination?: 'Proxy' | 'LoadBalancer';
  /**
   * The header in which the load balancer forwards the certificate that it verified: of ingress-nginx,
   * Envoy, an AWS ALB in verify mode, or HAProxy. No other header counts. Those of ingress-nginx and
   * HAProxy need the verdict SUCCESS, in ssl-client-verify and x-ssl-client-verify. The load balancer must
   * set or remove both headers in each request, as it would otherwise forward those of a client. A change
   * restarts ws-proxy.
   */
  readonly clientCertificateHeader?: 'ssl-client-cert' | 'x-forwarded-client-cert' | 'x-amzn-mtls-clientcert-leaf' | 'x-ssl-client-cert';
  /**
   * Secret of type kubernetes.io/tls with the certificate chain and its key. A change restarts ws-proxy.
   */
  readonly secretName?: string;
  /**
   * Issuer of cert-manager that signs the certificate. The operator creates the Certificate; cert-manager
   * writes and renews its Secret.
   */
  readonly issuerRef?: IssuerRefSpec;
  /**
   * Names in the certificate of issuerRef: the hosts that stations connect to. If omitted, those of the
   * Service inside the Kubernetes cluster, which no public authority signs.
   */
  readonly dnsNames?: readonly string[];
  /**
   * A second Secret of type kubernetes.io/tls, with a key of the other kind: RSA and ECDSA side by side, as
   * stations support one or the other. A change restarts ws-proxy.
   */
  readonly additionalSecretName?: string;
  /**
   * Secret with the key ca.crt, the authorities that sign the certificates of stations, and optionally the
   * key ca.crl, their revocation lists, both in PEM. With securityProfile 3. A list that disappears while
   * its CA stays is used until a restart; a list without entries ends the checks at once. A change restarts
   * ws-proxy.
   */
  readonly clientCaSecretName?: string;
  /** Oldest version of TLS. OCPP requires 1.2 or newer. A change restarts ws-proxy. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /**
   * OpenSSL names of the suites for TLS 1.2. If omitted, the four that OCPP names. TLS 1.3 has its own. A
   * change restarts ws-proxy.
   */
  readonly cipherSuites?: readonly string[];
}

/** {@link ListenerTlsSpec} with its defaults. */
export interface DefaultedListenerTls {
  readonly termination: 'Proxy' | 'LoadBalancer';
  readonly clientCertificateHeader?: 'ssl-client-cert' | 'x-forwarded-client-cert' | 'x-amzn-mtls-clientcert-leaf' | 'x-ssl-client-cert';
  readonly secretName?: string;
  readonly issuerRef?: DefaultedIssuerRef;
  readonly dnsNames?: readonly string[];
  readonly additionalSecretName?: string;
  readonly clientCaSecretName?: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly cipherSuites?: readonly string[];
}

/**
 * Issuer of cert-manager that signs the certificate. The operator creates the Certificate; cert-manager
 * writes and renews its Secret.
 */
export interface IssuerRefSpec {
  /** Name of the issuer. */
  readonly name: string;
  /** Issuer, ClusterIssuer, or a kind of an external issuer. */
  readonly kind?: string;
  /** API group of that kind. */
  readonly group?: string;
}

/** {@link IssuerRefSpec} with its defaults. */
export interface DefaultedIssuerRef {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
}

/**
 * Limits of this listener; what is omitted is as in proxy.limits. A change takes effect in running Pods,
 * but for the first and the last limits of a cluster whose listeners have neither securityProfile nor
 * protocols nor proxyProtocol, and which has no authentication: these restart ws-proxy. Pods find the
 * limits by the name of the listener: after a renaming, Pods of the earlier name use those of proxy.limits
 * until they are replaced.
 */
export interface ListenerLimitsSpec {
  /**
   * Stations per Pod that are connected through this listener; further ones get 503, and a lower number
   * closes none. Leave room: after a lost connection a station counts twice, until the old one is found
   * dead. proxy.maxSessionsPerPod applies to all listeners together. A change takes effect in running Pods.
   */
  readonly sessions?: number;
  /**
   * Maximum size of a message from a station in bytes, instead of proxy.maxMessageBytes. A change takes
   * effect in running Pods.
   */
  readonly messageBytes?: number;
  /**
   * Time for each part of a handshake: the PROXY protocol header, TLS, HTTP. That of TLS stays as it was
   * when a Pod started. A change takes effect in running Pods.
   */
  readonly handshakeSeconds?: number;
  /** Maximum size of request line and headers of a handshake. A change takes effect in running Pods. */
  readonly headerBytes?: number;
  /**
   * TCP connections per Pod of one client address whose handshake is not complete; those to other listeners
   * count too. 0: no limit. A change takes effect in running Pods.
   */
  readonly handshakesPerAddress?: number;
  /**
   * TCP connections per Pod of one client address, stations included; those to other listeners count too.
   * 0: no limit. A change takes effect in running Pods.
   */
  readonly connectionsPerAddress?: number;
  /**
   * SENDs, responses, pings and unreadable texts per second of one station. A change takes effect in
   * running Pods.
   */
  readonly messagesPerSecondOfStation?: number;
  /**
   * Bytes that a station has not read; above it its connection is cut. A change takes effect in running
   * Pods.
   */
  readonly sendBufferBytes?: number;
  /**
   * Connects of one station at once, per Pod; further ones get 429. A change takes effect in running Pods.
   */
  readonly reconnectBurst?: number;
  /** Connects that one station regains per minute. A change takes effect in running Pods. */
  readonly reconnectsPerMinute?: number;
}

/**
 * Who may connect. If omitted, nothing is known about stations: listeners of securityProfile 0 take any
 * identity, and those of 3 the one in a valid certificate. docs/security.md leads from there to profile 3.
 */
export interface AuthenticationSpec {
  /**
   * Enforce refuses stations that cannot prove who they are. Report lets them in and counts them:
   * status.security.unproven is the number that Enforce would refuse. A change takes effect in running
   * Pods.
   */
  readonly mode?: 'Report' | 'Enforce';
  /** Where the ws-proxies look stations up: give one of register, secretName and webhook. */
  readonly stations?: AuthenticationStationsSpec;
  /** Whether stations without an entry may connect. A change takes effect in running Pods. */
  readonly unknownStations?: 'Accept' | 'Reject';
  /**
   * HTTP status for rejected unknown stations. With 401, as for a wrong password, the answer does not show
   * which identities exist. A change takes effect in running Pods.
   */
  readonly unknownStationStatus?: 401 | 404;
  /**
   * FirstSeen stores the first password that a station without one presents, and no certificates. In mode
   * Report and with the register only; Enforce ignores it. A change takes effect in running Pods.
   */
  readonly enrolment?: 'Off' | 'FirstSeen';
  /**
   * Organization (O) that certificates of stations must have. If omitted, it is not checked. A change
   * restarts ws-proxy and processor.
   */
  readonly certificateOrganization?: string;
  /**
   * Your Secret whose key key is mixed into stored passwords (HMAC-SHA-256). If omitted, the operator
   * creates <cluster>-password-key once, and keeps it when the cluster is deleted. With another key no
   * stored password matches. A change restarts ws-proxy, processor and api.
   */
  readonly passwordKeySecretName?: string;
}

/** {@link AuthenticationSpec} with its defaults. */
export interface DefaultedAuthentication {
  readonly mode: 'Report' | 'Enforce';
  readonly stations?: DefaultedAuthenticationStations;
  readonly unknownStations: 'Accept' | 'Reject';
  readonly unknownStationStatus: 401 | 404;
  readonly enrolment: 'Off' | 'FirstSeen';
  readonly certificateOrganization?: string;
  readonly passwordKeySecretName?: string;
}

/** Where the ws-proxies look stations up: give one of register, secretName and webhook. */
export interface AuthenticationStationsSpec {
  /**
   * True: the register of stations in Redis, which commands and OCPP itself can change. A change restarts
   * ws-proxy, processor and api.
   */
  readonly register?: boolean;
  /**
   * Secret whose keys *.json hold entries of stations by identity. Ends near 8000 stations, as a Secret has
   * 1 MiB at most, and passwords cannot be changed through OCPP. Running Pods follow changes of the Secret.
   * A change restarts ws-proxy.
   */
  readonly secretName?: string;
  /**
   * Your service that is asked about each station. It gets passwords in clear, so use https. While it does
   * not answer, no station is accepted, and connected ones stay.
   */
  readonly webhook?: AuthenticationStationsWebhookSpec;
}

/** {@link AuthenticationStationsSpec} with its defaults. */
export interface DefaultedAuthenticationStations {
  readonly register?: boolean;
  readonly secretName?: string;
  readonly webhook?: DefaultedAuthenticationStationsWebhook;
}

/**
 * Your service that is asked about each station. It gets passwords in clear, so use https. While it does
 * not answer, no station is accepted, and connected ones stay.
 */
export interface AuthenticationStationsWebhookSpec {
  /** Address that gets the POST requests. A change restarts ws-proxy. */
  readonly url: string;
  /** Secret whose key token is sent as bearer token. A change restarts ws-proxy. */
  readonly tokenSecretName?: string;
  /**
   * Secret whose key ca.crt holds the authorities that may sign the certificate of the service. If omitted,
   * those of the image. A change restarts ws-proxy.
   */
  readonly caSecretName?: string;
  /** Time limit of a request. A change restarts ws-proxy. */
  readonly timeoutSeconds?: number;
  /** How long an answer is used again. A change restarts ws-proxy. */
  readonly cacheSeconds?: number;
}

/** {@link AuthenticationStationsWebhookSpec} with its defaults. */
export interface DefaultedAuthenticationStationsWebhook {
  readonly url: string;
  readonly tokenSecretName?: string;
  readonly caSecretName?: string;
  readonly timeoutSeconds: number;
  readonly cacheSeconds: number;
}

/**
 * Signs the certificates that stations request through OCPP (SignCertificate). If omitted, such requests
 * are refused.
 */
export interface CertificateAuthoritySpec {
  /** The processors sign with a key of yours. For trials and closed networks. */
  readonly internal?: CertificateAuthorityInternalSpec;
  /** Your service that the processors ask. */
  readonly webhook?: ProviderSpec;
  /** How long the certificates of stations are valid. A change restarts processor. */
  readonly certificateDays?: number;
}

/** {@link CertificateAuthoritySpec} with its defaults. */
export interface DefaultedCertificateAuthority {
  readonly internal?: CertificateAuthorityInternalSpec;
  readonly webhook?: ProviderSpec;
  readonly certificateDays: number;
}

/** The processors sign with a key of yours. For trials and closed networks. */
export interface CertificateAuthorityInternalSpec {
  /**
   * Secret of type kubernetes.io/tls with the certificate and key of the authority. A change restarts
   * processor.
   */
  readonly secretName: string;
}

/** Your service that the processors ask. */
export interface ProviderSpec {
  /** Address that gets the POST requests. A change restarts processor. */
  readonly url: string;
  /** Secret whose key token is sent as bearer token. A change restarts processor. */
  readonly tokenSecretName?: string;
  /**
   * Secret whose key ca.crt holds the authorities that may sign the certificate of the service. If omitted,
   * those of the image. A change restarts processor.
   */
  readonly caSecretName?: string;
}

/** Plug and charge (ISO 15118). */
export interface Iso15118Spec {
  /** Your service that the processors ask. */
  readonly provider?: ProviderSpec;
}

/**
 * Decisions of yours instead of those by the lists in Redis: which token may charge, which station is
 * accepted, what a DataTransfer gets.
 */
export interface DecisionsSpec {
  /**
   * Your service that the processors ask, with signed requests. While it does not answer in time, each
   * action gets its fallback. It changes answers to stations, never bills.
   */
  readonly webhook: DecisionsWebhookSpec;
}

/** {@link DecisionsSpec} with its defaults. */
export interface DefaultedDecisions {
  readonly webhook: DefaultedDecisionsWebhook;
}

/**
 * Your service that the processors ask, with signed requests. While it does not answer in time, each action
 * gets its fallback. It changes answers to stations, never bills.
 */
export interface DecisionsWebhookSpec {
  /** Address that gets the POST requests. A change restarts processor. */
  readonly url: string;
  /**
   * The secret that signs the requests, as Standard Webhooks has it: whsec_ and Base64 of 24 to 64 bytes.
   * Several, separated by white space, sign each. Running Pods follow changes of the Secret.
   */
  readonly signingSecret: DecisionsWebhookSigningSecretSpec;
  /** Secret whose key token is sent as bearer token, besides the signature. A change restarts processor. */
  readonly tokenSecretName?: string;
  /**
   * Secret whose key ca.crt holds the authorities that may sign the certificate of the service. If omitted,
   * those of the image. A change restarts processor.
   */
  readonly caSecretName?: string;
  /**
   * Time limit of a decision; after it the station gets the fallback. A change takes effect in running
   * Pods.
   */
  readonly timeoutMilliseconds?: number;
  /**
   * What the service decides; the lists in Redis decide the rest. A change takes effect in running Pods.
   */
  readonly actions: readonly DecisionsWebhookActionSpec[];
}

/** {@link DecisionsWebhookSpec} with its defaults. */
export interface DefaultedDecisionsWebhook {
  readonly url: string;
  readonly signingSecret: DecisionsWebhookSigningSecretSpec;
  readonly tokenSecretName?: string;
  readonly caSecretName?: string;
  readonly timeoutMilliseconds: number;
  readonly actions: readonly DefaultedDecisionsWebhookAction[];
}

/**
 * The secret that signs the requests, as Standard Webhooks has it: whsec_ and Base64 of 24 to 64 bytes.
 * Several, separated by white space, sign each. Running Pods follow changes of the Secret.
 */
export interface DecisionsWebhookSigningSecretSpec {
  /** Secret with the signing secret. A change restarts processor. */
  readonly name: string;
  /** Key in the Secret. A change restarts processor. */
  readonly key: string;
}

export interface DecisionsWebhookActionSpec {
  /**
   * Authorize; StartTransaction, which includes each TransactionEvent of 2.x with a token;
   * BootNotification; or DataTransfer.
   */
  readonly action: 'Authorize' | 'StartTransaction' | 'BootNotification' | 'DataTransfer';
  /**
   * What stations get while the service fails: what the lists in Redis say (Own), Accept, Reject, or the
   * last answer of the service about the token or station (LastKnown). Reject for BootNotification takes
   * the network down with the service.
   */
  readonly fallback?: 'Own' | 'Accept' | 'Reject' | 'LastKnown';
}

/** {@link DecisionsWebhookActionSpec} with its defaults. */
export interface DefaultedDecisionsWebhookAction {
  readonly action: 'Authorize' | 'StartTransaction' | 'BootNotification' | 'DataTransfer';
  readonly fallback: 'Own' | 'Accept' | 'Reject' | 'LastKnown';
}

/**
 * Traces of messages for an OpenTelemetry collector, from the socket through the queue to the response. Off
 * if omitted.
 */
export interface TracingSpec {
  /**
   * URL of the collector, which takes OTLP over HTTP, such as http://collector.monitoring:4318. Traces are
   * posted to /v1/traces below it. A change restarts ws-proxy and processor.
   */
  readonly endpoint: string;
  /**
   * Share of the CALLs of stations that are traced, 0 to 1. A traced CALL costs two to five times the CPU
   * of another one. A change takes effect in running Pods.
   */
  readonly share?: number;
  /**
   * Headers for the collector, such as its token; one a line, as in Authorization: Bearer …. Running Pods
   * follow changes of the Secret.
   */
  readonly headersSecret?: TracingHeadersSecretSpec;
}

/** {@link TracingSpec} with its defaults. */
export interface DefaultedTracing {
  readonly endpoint: string;
  readonly share: number;
  readonly headersSecret?: TracingHeadersSecretSpec;
}

/**
 * Headers for the collector, such as its token; one a line, as in Authorization: Bearer …. Running Pods
 * follow changes of the Secret.
 */
export interface TracingHeadersSecretSpec {
  /** Secret with the headers. A change restarts ws-proxy and processor. */
  readonly name: string;
  /** Key in the Secret. A change restarts ws-proxy and processor. */
  readonly key: string;
}

/** The ws-proxy Pods. They hold the sockets of the stations and do not interpret messages. */
export interface ProxySpec {
  /** Number of ws-proxy Pods. Ignored with autoscaling. */
  readonly replicas?: number;
  /**
   * Scales the ws-proxy Pods with the number of connected stations; {} uses the defaults. Scale-out is
   * immediate; new Pods accept stations that connect from then on. Scale-in removes one Pod at a time, the
   * one with the fewest stations, which are asked to reconnect as spec.proxy.drain says.
   */
  readonly autoscaling?: ProxyAutoscalingSpec;
  /**
   * OCPP version of stations whose handshake names no subprotocol; one of spec.protocols. If omitted, such
   * connections are closed, as OCPP-J requires. A change restarts ws-proxy.
   */
  readonly defaultProtocol?: 'ocpp2.1' | 'ocpp2.0.1' | 'ocpp1.6';
  /**
   * Stations per Pod. A full Pod answers further handshakes with 503, and the stations try another Pod. An
   * idle socket takes about 10 kB. A change takes effect in running Pods; it restarts ws-proxy only if a
   * full Pod then needs more than 10, 20 or 40 minutes to drain.
   */
  readonly maxSessionsPerPod?: number;
  /**
   * Maximum size of a message from a station in bytes. A larger one closes the socket with code 1009, so a
   * larger transaction message never arrives. A change takes effect in running Pods.
   */
  readonly maxMessageBytes?: number;
  /** Bounds on what one client may send and hold; docs/bounds.md says what happens at each. */
  readonly limits?: ProxyLimitsSpec;
  /**
   * Networks of load balancers and ingress controllers, such as 10.0.0.0/8: their PROXY protocol,
   * X-Forwarded-For, X-Forwarded-Proto and client certificate headers count. From elsewhere these headers
   * are ignored. Name no network in which stations are, and none shorter than /8 (IPv4) or /16 (IPv6). A
   * change takes effect in running Pods.
   */
  readonly trustedNetworks?: readonly string[];
  /**
   * Least severe lines in the log of a ws-proxy; silent logs nothing. debug adds a line per connect and
   * disconnect of a station, with its identity and address. No level logs passwords, admin tokens or
   * payloads. A change takes effect in running Pods.
   */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** The Service <cluster>-ws-proxy, to which stations connect. */
  readonly service?: ProxyServiceSpec;
  /**
   * An Ingress <cluster>-ws-proxy for this host, with the path of each listener. Its controller must not
   * close WebSockets by age, nor those that are silent for less than a minute.
   */
  readonly ingress?: ProxyIngressSpec;
  /**
   * An HTTPRoute <cluster>-ws-proxy that attaches to your Gateway, with the path of each listener and no
   * timeout. Requires the Gateway API in the Kubernetes cluster.
   */
  readonly gateway?: ProxyGatewaySpec;
  /** How fast the cluster admits stations when many connect at once. */
  readonly admission?: ProxyAdmissionSpec;
  /**
   * The flight recorder, which keeps frames of stations without their tags and credentials;
   * docs/recorder.md describes it. Single stations are recorded through the API.
   */
  readonly recorder?: ProxyRecorderSpec;
  /**
   * How a terminating Pod moves its stations. It closes their sockets with code 1012, idle ones first, and
   * none while a CALL awaits its response.
   */
  readonly drain?: ProxyDrainSpec;
  /**
   * How ws-proxy Pods are replaced when their template changes; docs/rollouts.md shows a rollout step by
   * step.
   */
  readonly rollout?: ProxyRolloutSpec;
  /**
   * Additions to the Pods, merged like a strategic merge patch (docs/ocppcluster.md names the exceptions).
   * Lists replace the operator's, except env, which is merged by name.
   */
  readonly podTemplate?: PodTemplateSpec;
}

/** {@link ProxySpec} with its defaults. */
export interface DefaultedProxy {
  readonly replicas: number;
  readonly autoscaling?: DefaultedProxyAutoscaling;
  readonly defaultProtocol?: 'ocpp2.1' | 'ocpp2.0.1' | 'ocpp1.6';
  readonly maxSessionsPerPod: number;
  readonly maxMessageBytes: number;
  readonly limits: DefaultedProxyLimits;
  readonly trustedNetworks?: readonly string[];
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly service: DefaultedProxyService;
  readonly ingress?: ProxyIngressSpec;
  readonly gateway?: DefaultedProxyGateway;
  readonly admission: DefaultedProxyAdmission;
  readonly recorder: DefaultedProxyRecorder;
  readonly drain: DefaultedProxyDrain;
  readonly rollout: DefaultedProxyRollout;
  readonly podTemplate: PodTemplateSpec;
}

/**
 * Scales the ws-proxy Pods with the number of connected stations; {} uses the defaults. Scale-out is
 * immediate; new Pods accept stations that connect from then on. Scale-in removes one Pod at a time, the
 * one with the fewest stations, which are asked to reconnect as spec.proxy.drain says.
 */
export interface ProxyAutoscalingSpec {
  /**
   * Least number of Pods. With 2 or more the cluster survives the loss of a node and gets a
   * PodDisruptionBudget.
   */
  readonly minReplicas?: number;
  /** Greatest number of Pods. Pods above it are removed one by one. */
  readonly maxReplicas?: number;
  /** Target number of stations per Pod, on average; at most 80 % of maxSessionsPerPod. */
  readonly targetSessionsPerPod?: number;
  /**
   * Scale-in follows the highest recommendation of this window. It removes one Pod every 5 minutes, or once
   * per window if that is shorter.
   */
  readonly scaleDownStabilizationSeconds?: number;
}

/** {@link ProxyAutoscalingSpec} with its defaults. */
export interface DefaultedProxyAutoscaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly targetSessionsPerPod: number;
  readonly scaleDownStabilizationSeconds: number;
}

/** Bounds on what one client may send and hold; docs/bounds.md says what happens at each. */
export interface ProxyLimitsSpec {
  /**
   * Time for each part of a handshake: the PROXY protocol header, TLS, HTTP. That of TLS stays as it was
   * when a Pod started. A change takes effect in running Pods.
   */
  readonly handshakeSeconds?: number;
  /**
   * Maximum size of request line and headers of a handshake; more gets 431. A change takes effect in
   * running Pods.
   */
  readonly headerBytes?: number;
  /**
   * TCP connections per Pod of one client address whose handshake is not complete. Stations that are
   * connected do not count, so any number of them may share an address. 0: no limit. A change takes effect
   * in running Pods.
   */
  readonly handshakesPerAddress?: number;
  /**
   * TCP connections per Pod of one client address, stations included. Thousands of stations of a mobile
   * network may share an address. 0: no limit. A change takes effect in running Pods.
   */
  readonly connectionsPerAddress?: number;
  /**
   * SENDs, responses, pings and unreadable texts per second of one station. The socket of a station above
   * it is not read for a while. A change takes effect in running Pods.
   */
  readonly messagesPerSecondOfStation?: number;
  /**
   * Messages per second of all stations of a Pod. Above it, stations that send more than an equal part are
   * not read for a while. 0: no limit. A change takes effect in running Pods.
   */
  readonly messagesPerSecondOfPod?: number;
  /**
   * Bytes that a station has not read; above it its connection is cut. A change takes effect in running
   * Pods.
   */
  readonly sendBufferBytes?: number;
  /**
   * Connects of one station at once, per Pod; further ones get 429. A test bench that connects often needs
   * more. A change takes effect in running Pods.
   */
  readonly reconnectBurst?: number;
  /** Connects that one station regains per minute. A change takes effect in running Pods. */
  readonly reconnectsPerMinute?: number;
}

/** {@link ProxyLimitsSpec} with its defaults. */
export interface DefaultedProxyLimits {
  readonly handshakeSeconds: number;
  readonly headerBytes: number;
  readonly handshakesPerAddress: number;
  readonly connectionsPerAddress: number;
  readonly messagesPerSecondOfStation: number;
  readonly messagesPerSecondOfPod: number;
  readonly sendBufferBytes: number;
  readonly reconnectBurst: number;
  readonly reconnectsPerMinute: number;
}

/** The Service <cluster>-ws-proxy, to which stations connect. */
export interface ProxyServiceSpec {
  /** LoadBalancer or NodePort if stations connect from outside the Kubernetes cluster. */
  readonly type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  /** For the load balancer controller of the cloud. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Labels of the Service. Labels of the operator take precedence. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Local keeps the address of the station visible and saves a hop. Not used with type ClusterIP. */
  readonly externalTrafficPolicy?: 'Cluster' | 'Local';
  /**
   * Selects one of several load balancer controllers. Only with type LoadBalancer, and fixed while the type
   * stays.
   */
  readonly loadBalancerClass?: string;
  /**
   * Address ranges that may connect, such as 203.0.113.0/24, if the load balancer supports it. Only with
   * type LoadBalancer.
   */
  readonly loadBalancerSourceRanges?: readonly string[];
  /** False if the load balancer reaches Pods without ports on the nodes. Only with type LoadBalancer. */
  readonly allocateLoadBalancerNodePorts?: boolean;
  /**
   * Time after which the load balancer cuts connections to Pods that it no longer selects, if it does
   * (docs/rollouts.md). A rollout that needs longer at drain.ratePerSecond is named in a condition.
   */
  readonly deregistrationSeconds?: number;
  /**
   * SingleStack, PreferDualStack or RequireDualStack (IPv4 and IPv6). If omitted, the default of Kubernetes
   * applies.
   */
  readonly ipFamilyPolicy?: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';
}

/** {@link ProxyServiceSpec} with its defaults. */
export interface DefaultedProxyService {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly externalTrafficPolicy: 'Cluster' | 'Local';
  readonly loadBalancerClass?: string;
  readonly loadBalancerSourceRanges?: readonly string[];
  readonly allocateLoadBalancerNodePorts?: boolean;
  readonly deregistrationSeconds?: number;
  readonly ipFamilyPolicy?: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';
}

/**
 * An Ingress <cluster>-ws-proxy for this host, with the path of each listener. Its controller must not
 * close WebSockets by age, nor those that are silent for less than a minute.
 */
export interface ProxyIngressSpec {
  /** Host name that stations connect to. */
  readonly host: string;
  /** IngressClass. If omitted, the default of the Kubernetes cluster applies. */
  readonly className?: string;
  /**
   * Secret of type kubernetes.io/tls with the certificate of host. If omitted, stations connect without
   * TLS.
   */
  readonly tlsSecretName?: string;
  /** For the controller of the Ingress, such as its timeouts. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * An HTTPRoute <cluster>-ws-proxy that attaches to your Gateway, with the path of each listener and no
 * timeout. Requires the Gateway API in the Kubernetes cluster.
 */
export interface ProxyGatewaySpec {
  /** Gateways that serve the route. */
  readonly parentRefs: readonly ProxyGatewayParentRefSpec[];
  /** Host names that stations connect to. If omitted, those of the Gateway's listeners. */
  readonly hostnames?: readonly string[];
  /** Whether those listeners use TLS. Affects only the addresses in the status. */
  readonly tls?: boolean;
}

/** {@link ProxyGatewaySpec} with its defaults. */
export interface DefaultedProxyGateway {
  readonly parentRefs: readonly ProxyGatewayParentRefSpec[];
  readonly hostnames: readonly string[];
  readonly tls: boolean;
}

export interface ProxyGatewayParentRefSpec {
  /** Name of the Gateway. */
  readonly name: string;
  /** Namespace of the Gateway. If omitted, this one. */
  readonly namespace?: string;
  /** Listener of the Gateway. If omitted, all. */
  readonly sectionName?: string;
  /** Port of its listener. If omitted, all. */
  readonly port?: number;
}

/** How fast the cluster admits stations when many connect at once. */
export interface ProxyAdmissionSpec {
  /**
   * WebSocket handshakes that all ws-proxy Pods together admit per second. Further stations wait in line
   * for up to 10 seconds; beyond that they get HTTP 429 with the time at which there is room. A change
   * takes effect in running Pods.
   */
  readonly connectionsPerSecond?: number;
  /**
   * BootNotifications that all ws-proxy Pods together forward per second. Further ones wait in the Pod, at
   * most half of processor.callTimeoutSeconds. After a power cut, drivers who authorize then do not wait
   * behind booting stations. If omitted, there is no limit. A change takes effect in running Pods.
   */
  readonly bootsPerSecond?: number;
}

/** {@link ProxyAdmissionSpec} with its defaults. */
export interface DefaultedProxyAdmission {
  readonly connectionsPerSecond: number;
  readonly bootsPerSecond?: number;
}

/**
 * The flight recorder, which keeps frames of stations without their tags and credentials; docs/recorder.md
 * describes it. Single stations are recorded through the API.
 */
export interface ProxyRecorderSpec {
  /**
   * Share of all stations that is recorded all the time, 0 to 1: 0.001 is one in a thousand. Every Pod
   * chooses the same stations. A change takes effect in running Pods.
   */
  readonly share?: number;
}

/** {@link ProxyRecorderSpec} with its defaults. */
export interface DefaultedProxyRecorder {
  readonly share: number;
}

/**
 * How a terminating Pod moves its stations. It closes their sockets with code 1012, idle ones first, and
 * none while a CALL awaits its response.
 */
export interface ProxyDrainSpec {
  /**
   * Sockets that the whole cluster closes per second, whatever the cause: a rollout, a scale-in, the drain
   * of a node. Keep it below the rate at which the remaining Pods can admit stations. A change takes effect
   * in running Pods; it restarts ws-proxy only if a full Pod then needs more than 10, 20 or 40 minutes to
   * drain.
   */
  readonly ratePerSecond?: number;
  /**
   * After this time the remaining sockets are closed at once. At least maxSessionsPerPod / ratePerSecond,
   * so that a full Pod finishes in time. A change takes effect in running Pods; it restarts ws-proxy only
   * if a full Pod then needs more than 10, 20 or 40 minutes to drain.
   */
  readonly deadlineSeconds?: number;
  /**
   * How to drain stations with a running transaction. Close closes them after all others. Wait keeps them
   * until the transaction ends, while the deadline leaves time to close the rest at ratePerSecond. No
   * transaction is lost either way, because stations keep charging without a connection. A change takes
   * effect in running Pods.
   */
  readonly transactions?: 'Wait' | 'Close';
}

/** {@link ProxyDrainSpec} with its defaults. */
export interface DefaultedProxyDrain {
  readonly ratePerSecond: number;
  readonly deadlineSeconds: number;
  readonly transactions: 'Wait' | 'Close';
}

/**
 * How ws-proxy Pods are replaced when their template changes; docs/rollouts.md shows a rollout step by
 * step.
 */
export interface ProxyRolloutSpec {
  /**
   * BlueGreen starts a second set of Pods beside the first, tests it, moves each station once, and returns
   * to the first set when stations do not come back. It needs room for twice the ws-proxy Pods; without it,
   * and with Rolling, Kubernetes replaces Pod by Pod and stations may move several times.
   */
  readonly strategy?: 'BlueGreen' | 'Rolling';
  /** How long all Pods of a new set are ready before stations are sent to it. */
  readonly minReadySeconds?: number;
  /**
   * Time until new connections follow a changed Service. Raise it where the targets of a load balancer are
   * Pods that it checks first (AWS with IP targets needs about 120).
   */
  readonly propagationSeconds?: number;
  /**
   * Time for a moved station to connect again. The rollout is aborted when more than 3 stations, and more
   * than 1 % of those that moved, are away for longer.
   */
  readonly returnWithinSeconds?: number;
  /** Number of earlier sets that are kept without Pods. Setting an earlier spec again uses its set. */
  readonly revisionHistoryLimit?: number;
}

/** {@link ProxyRolloutSpec} with its defaults. */
export interface DefaultedProxyRollout {
  readonly strategy: 'BlueGreen' | 'Rolling';
  readonly minReadySeconds: number;
  readonly propagationSeconds: number;
  readonly returnWithinSeconds: number;
  readonly revisionHistoryLimit: number;
}

/**
 * Additions to the Pods, merged like a strategic merge patch (docs/ocppcluster.md names the exceptions).
 * Lists replace the operator's, except env, which is merged by name.
 */
export interface PodTemplateSpec {
  /** Labels and annotations of the Pods. Those of the operator take precedence. */
  readonly metadata?: PodTemplateMetadataSpec;
  /**
   * Each request or limit replaces the operator's of that resource and leaves the others. A default request
   * above a given limit is lowered to it.
   */
  readonly resources?: PodTemplateResourcesSpec;
  /** Labels that a node must have. A change restarts these Pods. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** As in a Pod; validated when the Pods are created. A change restarts these Pods. */
  readonly tolerations?: readonly object[];
  /** As in a Pod; validated when the Pods are created. A change restarts these Pods. */
  readonly affinity?: object;
  /** As in a Pod; validated when the Pods are created. A change restarts these Pods. */
  readonly topologySpreadConstraints?: readonly object[];
  /**
   * PriorityClass of the Pods. Empty means the default of the Kubernetes cluster. A change restarts these
   * Pods.
   */
  readonly priorityClassName?: string;
  /** Additional environment variables, or other values for the operator's. A change restarts these Pods. */
  readonly env?: readonly PodTemplateEnvSpec[];
}

/** Labels and annotations of the Pods. Those of the operator take precedence. */
export interface PodTemplateMetadataSpec {
  /** Labels of the Pods. A change restarts these Pods. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Annotations of the Pods. A change restarts these Pods. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Each request or limit replaces the operator's of that resource and leaves the others. A default request
 * above a given limit is lowered to it.
 */
export interface PodTemplateResourcesSpec {
  /**
   * By resource, such as cpu and memory. limits.memory also sets the heap of Node and the maxmemory of
   * Redis. A change restarts these Pods.
   */
  readonly requests?: Readonly<Record<string, string>>;
  /**
   * By resource, such as cpu and memory. limits.memory also sets the heap of Node and the maxmemory of
   * Redis. A change restarts these Pods.
   */
  readonly limits?: Readonly<Record<string, string>>;
}

export interface PodTemplateEnvSpec {
  /** Name of the variable. */
  readonly name: string;
  /** Value of the variable. */
  readonly value?: string;
}

/** The processor Pods. They answer the messages of the stations. */
export interface ProcessorSpec {
  /**
   * Full reference of an image with your own handlers. Empty means the built-in handlers. A change restarts
   * processor.
   */
  readonly image?: string;
  /**
   * Timeout of the response to a CALL. A terminating Pod waits this long for open CALLs. A change restarts
   * ws-proxy and processor.
   */
  readonly callTimeoutSeconds?: number;
  /**
   * Response for an idToken that is not in the token list. With Accept any token charges. A change takes
   * effect in running Pods.
   */
  readonly unknownTokens?: 'Accept' | 'Reject';
  /**
   * How to treat a message that violates JSON or the schema of its OCPP version. Tolerant repairs what it
   * can, answers as usual and reports the repair. Strict answers the CALLERROR of the version, which
   * certification tools expect. Stations delete a transaction message after some of these errors, and its
   * bill is lost. A change takes effect in running Pods.
   */
  readonly validation?: 'Tolerant' | 'Strict';
  /**
   * Interval of Heartbeats, which a station gets in the response to its next BootNotification; up to four
   * times as long if that waited for more than 2 s. A station that is not accepted sends its next
   * BootNotification after this time. A change takes effect in running Pods.
   */
  readonly heartbeatSeconds?: number;
  /**
   * Least severe lines in the log of a processor; silent logs nothing. debug adds a line per CALL that is
   * refused with a CALLERROR and per late event of a closed transaction. No level logs passwords, admin
   * tokens or payloads. A change takes effect in running Pods.
   */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** How transactions are deduplicated, and when silent ones are reported and closed. */
  readonly transactions?: ProcessorTransactionsSpec;
  /**
   * Number of processor Pods with autoscaling.mode Off, HPA and KEDA, written by `kubectl scale` and by
   * autoscalers. Mode Internal ignores it and says so in an Event.
   */
  readonly replicas?: number;
  /**
   * Messages that one processor handles at the same time. Lower it if the handlers use a service that takes
   * few requests at once. A change restarts processor.
   */
  readonly concurrency?: number;
  /** Scales the processor Pods with the load. */
  readonly autoscaling?: ProcessorAutoscalingSpec;
  /**
   * Additions to the Pods, merged like a strategic merge patch (docs/ocppcluster.md names the exceptions).
   * Lists replace the operator's, except env, which is merged by name.
   */
  readonly podTemplate?: PodTemplateSpec;
}

/** {@link ProcessorSpec} with its defaults. */
export interface DefaultedProcessor {
  readonly image: string;
  readonly callTimeoutSeconds: number;
  readonly unknownTokens: 'Accept' | 'Reject';
  readonly validation: 'Tolerant' | 'Strict';
  readonly heartbeatSeconds: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly transactions: DefaultedProcessorTransactions;
  readonly replicas?: number;
  readonly concurrency: number;
  readonly autoscaling: DefaultedProcessorAutoscaling;
  readonly podTemplate: PodTemplateSpec;
}

/** How transactions are deduplicated, and when silent ones are reported and closed. */
export interface ProcessorTransactionsSpec {
  /**
   * How long a repeated start or stop is recognized as a duplicate. A station that repeats one after a
   * longer offline time is billed twice. A closed transaction takes about 1 kB of Redis for this time. A
   * change takes effect in running Pods.
   */
  readonly idempotencySeconds?: number;
  /**
   * An open transaction without a message for this long is reported once. A change takes effect in running
   * Pods.
   */
  readonly reportAfterSeconds?: number;
  /**
   * An open transaction without a message for this long is closed and billed as abandoned, with its last
   * known register. 0 keeps it open. A change takes effect in running Pods.
   */
  readonly abandonAfterSeconds?: number;
  /**
   * Whether an idToken that is charging may start a second transaction. Reject answers ConcurrentTx. A
   * change takes effect in running Pods.
   */
  readonly concurrent?: 'Accept' | 'Reject';
}

/** {@link ProcessorTransactionsSpec} with its defaults. */
export interface DefaultedProcessorTransactions {
  readonly idempotencySeconds: number;
  readonly reportAfterSeconds: number;
  readonly abandonAfterSeconds: number;
  readonly concurrent: 'Accept' | 'Reject';
}

/** Scales the processor Pods with the load. */
export interface ProcessorAutoscalingSpec {
  /**
   * Internal lets the operator follow the load. HPA creates a HorizontalPodAutoscaler on this resource,
   * which needs an adapter for external metrics. KEDA creates a ScaledObject. Off leaves the number to
   * spec.processor.replicas. A change of the mode keeps the number of processors.
   */
  readonly mode?: 'Internal' | 'HPA' | 'KEDA' | 'Off';
  /**
   * Least number of processors. With 2 or more the cluster survives the loss of a node without a pause and
   * gets a PodDisruptionBudget.
   */
  readonly minReplicas?: number;
  /**
   * Greatest number of processors. Condition AutoscalingActive has the reason Limited while the load asks
   * for more.
   */
  readonly maxReplicas?: number;
  /** Time in which a backlog is to be processed. Keep it below callTimeoutSeconds. */
  readonly targetDrainSeconds?: number;
  /** Scale-in follows the highest recommendation of this window. */
  readonly scaleDownStabilizationSeconds?: number;
  /**
   * A Prometheus from which the operator reads the load. If omitted, the operator reads the metrics of the
   * Pods itself.
   */
  readonly prometheus?: ProcessorAutoscalingPrometheusSpec;
  /** Mode HPA. The metric is read from the API external.metrics.k8s.io. */
  readonly hpa?: ProcessorAutoscalingHpaSpec;
  /** Mode KEDA. The trigger asks the server of prometheus. */
  readonly keda?: ProcessorAutoscalingKedaSpec;
}

/** {@link ProcessorAutoscalingSpec} with its defaults. */
export interface DefaultedProcessorAutoscaling {
  readonly mode: 'Internal' | 'HPA' | 'KEDA' | 'Off';
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly targetDrainSeconds: number;
  readonly scaleDownStabilizationSeconds: number;
  readonly prometheus?: DefaultedProcessorAutoscalingPrometheus;
  readonly hpa: DefaultedProcessorAutoscalingHpa;
  readonly keda: DefaultedProcessorAutoscalingKeda;
}

/**
 * A Prometheus from which the operator reads the load. If omitted, the operator reads the metrics of the
 * Pods itself.
 */
export interface ProcessorAutoscalingPrometheusSpec {
  /** Base address of the Prometheus API, such as http://prometheus.monitoring:9090. */
  readonly url: string;
  /**
   * A key of a Secret in the namespace of the OcppCluster, which the operator needs permission to read:
   * caSecretRef has the certificates of the CA of the server in PEM, tokenSecretRef the bearer token.
   */
  readonly caSecretRef?: TokenSecretRefSpec;
  /**
   * A key of a Secret in the namespace of the OcppCluster, which the operator needs permission to read:
   * caSecretRef has the certificates of the CA of the server in PEM, tokenSecretRef the bearer token.
   */
  readonly tokenSecretRef?: TokenSecretRefSpec;
  /** Time limit of a query. */
  readonly timeoutSeconds?: number;
  /**
   * Samples older than this count as missing, and the number of processors is held. At least twice the
   * interval in which Prometheus scrapes the Pods.
   */
  readonly staleSeconds?: number;
  /**
   * Label matchers that select the series of this cluster, without braces. If omitted, the labels that the
   * PodMonitors of spec.monitoring give them: namespace and ocpp_cluster.
   */
  readonly selector?: string;
  /** Queries in place of those that the selector gives. Each must return one sample. */
  readonly queries?: ProcessorAutoscalingPrometheusQueriesSpec;
}

/** {@link ProcessorAutoscalingPrometheusSpec} with its defaults. */
export interface DefaultedProcessorAutoscalingPrometheus {
  readonly url: string;
  readonly caSecretRef?: TokenSecretRefSpec;
  readonly tokenSecretRef?: TokenSecretRefSpec;
  readonly timeoutSeconds: number;
  readonly staleSeconds: number;
  readonly selector?: string;
  readonly queries?: ProcessorAutoscalingPrometheusQueriesSpec;
}

/**
 * A key of a Secret in the namespace of the OcppCluster, which the operator needs permission to read:
 * caSecretRef has the certificates of the CA of the server in PEM, tokenSecretRef the bearer token.
 */
export interface TokenSecretRefSpec {
  /** Name of the Secret. */
  readonly name: string;
  /** Key in the Secret. */
  readonly key: string;
}

/** Queries in place of those that the selector gives. Each must return one sample. */
export interface ProcessorAutoscalingPrometheusQueriesSpec {
  /** Frames that the ws-proxies enqueue per second. */
  readonly arrivalRate?: string;
  /** Frames that wait in the queue. */
  readonly depth?: string;
  /** Age of the oldest of them in seconds. */
  readonly oldestSeconds?: string;
}

/** Mode HPA. The metric is read from the API external.metrics.k8s.io. */
export interface ProcessorAutoscalingHpaSpec {
  /** Name of the external metric. */
  readonly metricName?: string;
  /** Labels that select the series. If omitted, namespace and cluster of this OcppCluster. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** Value of the metric for each processor. */
  readonly averageValue?: string;
}

/** {@link ProcessorAutoscalingHpaSpec} with its defaults. */
export interface DefaultedProcessorAutoscalingHpa {
  readonly metricName: string;
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly averageValue: string;
}

/** Mode KEDA. The trigger asks the server of prometheus. */
export interface ProcessorAutoscalingKedaSpec {
  /**
   * Query of the trigger. If omitted, the recommendation of the operator,
   * ocpp_operator_processors_recommended.
   */
  readonly query?: string;
  /** Value of the query for each processor. */
  readonly threshold?: string;
  /**
   * Name of a TriggerAuthentication for Prometheus. If omitted, one is created from prometheus.caSecretRef
   * and prometheus.tokenSecretRef.
   */
  readonly triggerAuthentication?: string;
}

/** {@link ProcessorAutoscalingKedaSpec} with its defaults. */
export interface DefaultedProcessorAutoscalingKeda {
  readonly query?: string;
  readonly threshold: string;
  readonly triggerAuthentication?: string;
}

/**
 * The HTTP API <cluster>-api for your back office: commands to stations, and what is stored of them. It
 * also serves the console, the web page of the network. It gets no messages of stations.
 */
export interface ApiSpec {
  /**
   * Whether there is one. Images of release 0.2.0 and earlier have no API. False deletes its Pods and its
   * admin token.
   */
  readonly enabled?: boolean;
  /** Number of Pods. With 2 or more it survives the loss of a node and gets a PodDisruptionBudget. */
  readonly replicas?: number;
  /**
   * Your tokens besides the admin token, which the operator puts into the Secret <cluster>-api-admin.
   * Running Pods follow changes of the Secret.
   */
  readonly tokensSecret?: ApiTokensSecretSpec;
  /**
   * Requests per second of each token, per Pod; a token may send twice as many at once, and gets 429 above
   * it. A change restarts api.
   */
  readonly requestsPerSecond?: number;
  /**
   * Your services that get the events of the network as CloudEvents, signed as Standard Webhooks. One that
   * was removed keeps its state, and continues when it is here again, until `ocppctl webhooks forget`
   * removes that state. A change restarts api.
   */
  readonly webhooks?: readonly ApiWebhookSpec[];
  /**
   * A Prometheus with the metrics of this cluster, from which the API gives figures of the last hour (GET
   * /v1/history). If omitted, it gives none. A change restarts api.
   */
  readonly prometheus?: ApiPrometheusSpec;
  /**
   * Least severe lines in the log of the API; silent logs nothing. No level logs tokens, passwords or
   * payloads. A change restarts api.
   */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /**
   * The Service <cluster>-api, of type ClusterIP. Its port 80 has plain HTTP; put an Ingress or a Gateway
   * with TLS in front of it.
   */
  readonly service?: ApiServiceSpec;
  /**
   * Additions to the Pods, merged like a strategic merge patch (docs/ocppcluster.md names the exceptions).
   * Lists replace the operator's, except env, which is merged by name.
   */
  readonly podTemplate?: PodTemplateSpec;
}

/** {@link ApiSpec} with its defaults. */
export interface DefaultedApi {
  readonly enabled: boolean;
  readonly replicas: number;
  readonly tokensSecret?: ApiTokensSecretSpec;
  readonly requestsPerSecond: number;
  readonly webhooks?: readonly DefaultedApiWebhook[];
  readonly prometheus?: ApiPrometheusSpec;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly service: ApiServiceSpec;
  readonly podTemplate: PodTemplateSpec;
}

/**
 * Your tokens besides the admin token, which the operator puts into the Secret <cluster>-api-admin. Running
 * Pods follow changes of the Secret.
 */
export interface ApiTokensSecretSpec {
  /**
   * Secret with a key for each token, whose name the audit shows. Its value is JSON with the SHA-256 of the
   * token and its scope: read, command or admin. A change restarts api.
   */
  readonly name: string;
}

export interface ApiWebhookSpec {
  /** Its name in the API, in metrics and in the log. A change restarts api. */
  readonly name: string;
  /** Address that gets the POST requests. A change restarts api. */
  readonly url: string;
  /**
   * Types of events; with * at the end, beginnings, such as transaction-*. If omitted, all. A change
   * restarts api.
   */
  readonly types?: readonly string[];
  /** The secret that both sides know. Running Pods follow changes of the Secret. */
  readonly signingSecret: ApiWebhookSigningSecretSpec;
  /**
   * Secret whose key ca.crt holds the authorities that may sign the certificate of the service. If omitted,
   * those of the image. A change restarts api.
   */
  readonly caSecretName?: string;
  /** Time limit of a request. A change restarts api. */
  readonly timeoutSeconds?: number;
  /**
   * An event that fails for so long becomes a dead letter, unless the endpoint is down for all stations. A
   * change restarts api.
   */
  readonly deadLetterAfterSeconds?: number;
}

/** {@link ApiWebhookSpec} with its defaults. */
export interface DefaultedApiWebhook {
  readonly name: string;
  readonly url: string;
  readonly types?: readonly string[];
  readonly signingSecret: ApiWebhookSigningSecretSpec;
  readonly caSecretName?: string;
  readonly timeoutSeconds: number;
  readonly deadLetterAfterSeconds: number;
}

/** The secret that both sides know. Running Pods follow changes of the Secret. */
export interface ApiWebhookSigningSecretSpec {
  /** Secret with it. A change restarts api. */
  readonly name: string;
  /**
   * Key of the Secret. Its value is whsec_ and the Base64 of 24 to 64 bytes; two of them while you replace
   * it. A change restarts api.
   */
  readonly key: string;
}

/**
 * A Prometheus with the metrics of this cluster, from which the API gives figures of the last hour (GET
 * /v1/history). If omitted, it gives none. A change restarts api.
 */
export interface ApiPrometheusSpec {
  /**
   * Base address of the Prometheus API, such as http://prometheus.monitoring:9090. A change restarts api.
   */
  readonly url: string;
  /** The certificates of the CA of the server, in PEM. Running Pods follow changes of the Secret. */
  readonly caSecretRef?: ApiPrometheusCaSecretRefSpec;
  /** The bearer token. Running Pods follow changes of the Secret. */
  readonly tokenSecretRef?: ApiPrometheusTokenSecretRefSpec;
  /**
   * Label matchers that select the series of this cluster, without braces. If omitted, the labels that the
   * PodMonitors of spec.monitoring give them: namespace and ocpp_cluster. A change restarts api.
   */
  readonly selector?: string;
}

/** The certificates of the CA of the server, in PEM. Running Pods follow changes of the Secret. */
export interface ApiPrometheusCaSecretRefSpec {
  /** Secret with it. A change restarts api. */
  readonly name: string;
  /** Key of the Secret. A change restarts api. */
  readonly key: string;
}

/** The bearer token. Running Pods follow changes of the Secret. */
export interface ApiPrometheusTokenSecretRefSpec {
  /** Secret with it. A change restarts api. */
  readonly name: string;
  /** Key of the Secret. A change restarts api. */
  readonly key: string;
}

/**
 * The Service <cluster>-api, of type ClusterIP. Its port 80 has plain HTTP; put an Ingress or a Gateway
 * with TLS in front of it.
 */
export interface ApiServiceSpec {
  /** Annotations of the Service. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Where bills go. Without a sink the newest stay in Redis, for a program of yours that reads them there.
 */
export interface BillingSpec {
  /**
   * The Pod <cluster>-bill-sink moves bills, settlements, meter values and reports from Redis to
   * PostgreSQL, each exactly once. Processors then drop none of them from Redis, except meter values beyond
   * the newest 100000. Let it catch up before you remove it. If over 101000 bills, settlements or reports
   * wait then, Redis keeps them until a sink is here again. Of fewer, those beyond 100000 are dropped.
   * Images of release 0.2.0 and earlier have no sink.
   */
  readonly sink?: BillingSinkSpec;
}

/** {@link BillingSpec} with its defaults. */
export interface DefaultedBilling {
  readonly sink?: DefaultedBillingSink;
}

/**
 * The Pod <cluster>-bill-sink moves bills, settlements, meter values and reports from Redis to PostgreSQL,
 * each exactly once. Processors then drop none of them from Redis, except meter values beyond the newest
 * 100000. Let it catch up before you remove it. If over 101000 bills, settlements or reports wait then,
 * Redis keeps them until a sink is here again. Of fewer, those beyond 100000 are dropped. Images of release
 * 0.2.0 and earlier have no sink.
 */
export interface BillingSinkSpec {
  /** The database, its user and its password, from Secrets in this namespace. */
  readonly postgres: BillingSinkPostgresSpec;
  /**
   * About how many of the newest entries of each kind stay in Redis after they have been moved. A change
   * restarts bill-sink.
   */
  readonly keepInRedis?: number;
  /** Least severe lines in the log of the sink; silent logs nothing. A change restarts bill-sink. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /**
   * Additions to the Pods, merged like a strategic merge patch (docs/ocppcluster.md names the exceptions).
   * Lists replace the operator's, except env, which is merged by name.
   */
  readonly podTemplate?: PodTemplateSpec;
}

/** {@link BillingSinkSpec} with its defaults. */
export interface DefaultedBillingSink {
  readonly postgres: BillingSinkPostgresSpec;
  readonly keepInRedis: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly podTemplate: PodTemplateSpec;
}

/** The database, its user and its password, from Secrets in this namespace. */
export interface BillingSinkPostgresSpec {
  /**
   * Secret whose key url holds postgresql://user:password@host:5432/database, as libpq reads it. Running
   * Pods follow changes of the Secret. A change restarts bill-sink.
   */
  readonly secretName: string;
  /**
   * Secret whose key ca.crt holds the authorities that may sign the certificate of PostgreSQL. If omitted,
   * those of the image; sslrootcert in the URL takes precedence. A change restarts bill-sink.
   */
  readonly caSecretName?: string;
}

/** Objects for the Prometheus operator, where it is installed. */
export interface MonitoringSpec {
  /**
   * Auto creates PodMonitors of the ws-proxy, processor, API and bill-sink Pods while the Kubernetes
   * cluster serves that kind.
   */
  readonly podMonitor?: 'Auto' | 'Off';
  /**
   * Whether /metrics needs the token of the admin port, too. The PodMonitors get it; another Prometheus
   * reads it from the Secret <cluster>-admin-…. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly protectMetrics?: boolean;
  /**
   * Auto creates a PrometheusRule with alerts while the Kubernetes cluster serves that kind. It requires
   * the PodMonitors, whose metrics the alerts read.
   */
  readonly alerts?: 'Auto' | 'Off';
  /**
   * Labels of these objects, by which a Prometheus selects them, such as release. Labels of the operator
   * take precedence.
   */
  readonly labels?: Readonly<Record<string, string>>;
}

/** {@link MonitoringSpec} with its defaults. */
export interface DefaultedMonitoring {
  readonly podMonitor: 'Auto' | 'Off';
  readonly protectMetrics: boolean;
  readonly alerts: 'Auto' | 'Off';
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * NetworkPolicies that allow these Pods only the traffic that they need, if the network of the Kubernetes
 * cluster enforces them. Your own NetworkPolicy can allow more.
 */
export interface NetworkPolicySpec {
  /** Whether to create them. */
  readonly enabled?: boolean;
  /**
   * Sources of stations, as peers in a NetworkPolicy's from; validated when it is created. If omitted,
   * everywhere.
   */
  readonly stationsFrom?: readonly object[];
  /**
   * Readers of metrics and health beside the operator, as peers in a NetworkPolicy's from; validated when
   * it is created. If omitted, every Pod of the Kubernetes cluster; [] means none.
   */
  readonly metricsFrom?: readonly object[];
}

/** {@link NetworkPolicySpec} with its defaults. */
export interface DefaultedNetworkPolicy {
  readonly enabled: boolean;
  readonly stationsFrom?: readonly object[];
  readonly metricsFrom?: readonly object[];
}

/** The Redis between proxies and processors: embedded (run by the operator) unless external is given. */
export interface RedisSpec {
  /** One Redis Pod with a persistent volume. The default. */
  readonly embedded?: RedisEmbeddedSpec;
  /**
   * Your own Redis, 7.0 or later, with maxmemory-policy noeviction. docs/redis.md lists the permissions of
   * its user.
   */
  readonly external?: RedisExternalSpec;
  /**
   * Prefix of every key of the data path. Clusters that share one Redis need different prefixes. On a Redis
   * Cluster it contains a hash tag, such as {city}. Cannot be changed.
   */
  readonly channelPrefix?: string;
  /**
   * Prefix of every key of stored state (transactions, tokens, stations). Empty means channelPrefix. Cannot
   * be changed.
   */
  readonly stateKeyPrefix?: string;
  /** Number of the Redis database. Cannot be changed. */
  readonly database?: number;
  /**
   * How long Redis may be silent while a command is pending. Values above 10 count as 10. A change restarts
   * ws-proxy, processor, api and bill-sink.
   */
  readonly clientTimeoutSeconds?: number;
  /**
   * Maximum number of connections to Redis per Pod. 4 are always needed; more are opened while much state
   * is read. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly connectionPoolSize?: number;
  /**
   * Retries of a single operation (a session, a read of state, a frame or a call to a station). Messages
   * from stations are retried without limit. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly retryAttempts?: number;
  /** Pause between two attempts. A change restarts ws-proxy, processor, api and bill-sink. */
  readonly retryDelayMilliseconds?: number;
  /**
   * Also writes open calls to stations as the hash pending:{id} in the next database, for tools made for
   * ocpp-go. Not on a Redis Cluster. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly distributedState?: boolean;
  /**
   * Minimum lifetime of that hash. Transactions and what stations report do not expire with it. A change
   * restarts ws-proxy, processor, api and bill-sink.
   */
  readonly stateTtlSeconds?: number;
}

/** {@link RedisSpec} with its defaults. */
export interface DefaultedRedis {
  readonly embedded?: DefaultedRedisEmbedded;
  readonly external?: DefaultedRedisExternal;
  readonly channelPrefix: string;
  readonly stateKeyPrefix: string;
  readonly database: number;
  readonly clientTimeoutSeconds: number;
  readonly connectionPoolSize: number;
  readonly retryAttempts: number;
  readonly retryDelayMilliseconds: number;
  readonly distributedState: boolean;
  readonly stateTtlSeconds: number;
}

/** One Redis Pod with a persistent volume. The default. */
export interface RedisEmbeddedSpec {
  /**
   * Image of Redis 7.0 or later, with sh and redis-cli. Empty means that of the operator at creation;
   * status.redis.image keeps the choice. A change restarts redis.
   */
  readonly image?: string;
  /**
   * Your Secret with the key password. Empty means a Secret that is generated with the cluster. Redis and
   * the Pods follow a changed Secret within about two minutes. Cannot be changed.
   */
  readonly passwordSecretName?: string;
  /**
   * TLS between Redis and the Pods, with a Secret or an issuer. Redis and the Pods follow a changed Secret.
   * Only for a new cluster: it cannot be added or removed later.
   */
  readonly tls?: RedisEmbeddedTlsSpec;
  /** The volume of Redis. */
  readonly storage?: RedisEmbeddedStorageSpec;
  /**
   * always loses no acknowledged write. everysec is faster and can lose 1 to 2 seconds when the node is
   * lost. A change restarts redis.
   */
  readonly appendFsync?: 'always' | 'everysec';
  /**
   * Additions to the Pods, merged like a strategic merge patch (docs/ocppcluster.md names the exceptions).
   * Lists replace the operator's, except env, which is merged by name.
   */
  readonly podTemplate?: PodTemplateSpec;
}

/** {@link RedisEmbeddedSpec} with its defaults. */
export interface DefaultedRedisEmbedded {
  readonly image: string;
  readonly passwordSecretName: string;
  readonly tls?: DefaultedRedisEmbeddedTls;
  readonly storage: DefaultedRedisEmbeddedStorage;
  readonly appendFsync: 'always' | 'everysec';
  readonly podTemplate: PodTemplateSpec;
}

/**
 * TLS between Redis and the Pods, with a Secret or an issuer. Redis and the Pods follow a changed Secret.
 * Only for a new cluster: it cannot be added or removed later.
 */
export interface RedisEmbeddedTlsSpec {
  /**
   * Secret with the keys tls.crt, tls.key and ca.crt. The certificate must name
   * <cluster>-redis.<namespace>.svc. A change restarts ws-proxy, processor, redis, api and bill-sink.
   */
  readonly secretName?: string;
  /**
   * Issuer of cert-manager that signs the certificate. The operator creates the Certificate; cert-manager
   * writes and renews its Secret.
   */
  readonly issuerRef?: IssuerRefSpec;
}

/** {@link RedisEmbeddedTlsSpec} with its defaults. */
export interface DefaultedRedisEmbeddedTls {
  readonly secretName?: string;
  readonly issuerRef?: DefaultedIssuerRef;
}

/** The volume of Redis. */
export interface RedisEmbeddedStorageSpec {
  /**
   * Size of the volume: several times the memory, because the append-only file is rewritten beside the old
   * one. It can grow if its StorageClass allows that, and never shrink.
   */
  readonly size?: string;
  /**
   * StorageClass of the volume. Empty means the default class of the Kubernetes cluster. Cannot be changed.
   */
  readonly storageClassName?: string;
  /** Whether the volume is retained or deleted together with this OcppCluster. */
  readonly onDelete?: 'Retain' | 'Delete';
}

/** {@link RedisEmbeddedStorageSpec} with its defaults. */
export interface DefaultedRedisEmbeddedStorage {
  readonly size: string;
  readonly storageClassName: string;
  readonly onDelete: 'Retain' | 'Delete';
}

/**
 * Your own Redis, 7.0 or later, with maxmemory-policy noeviction. docs/redis.md lists the permissions of
 * its user.
 */
export interface RedisExternalSpec {
  /**
   * Type of the servers at the addresses: the Redis server itself, the Sentinels that watch it, or nodes of
   * a Redis Cluster. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly mode?: 'Standalone' | 'Sentinel' | 'Cluster';
  /**
   * host:port of the server, of all Sentinels, or of some nodes of the Cluster. A change restarts ws-proxy,
   * processor, api and bill-sink.
   */
  readonly addresses: readonly string[];
  /**
   * Secret in this namespace with the keys password and, optionally, username. Running Pods follow changes
   * of the Secret. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly credentialsSecretName?: string;
  /** Use TLS to Redis. {} trusts the certificate authorities of the image. */
  readonly tls?: RedisExternalTlsSpec;
  /** Access to the Sentinels, with mode Sentinel. */
  readonly sentinel?: RedisExternalSentinelSpec;
}

/** {@link RedisExternalSpec} with its defaults. */
export interface DefaultedRedisExternal {
  readonly mode: 'Standalone' | 'Sentinel' | 'Cluster';
  readonly addresses: readonly string[];
  readonly credentialsSecretName?: string;
  readonly tls?: RedisExternalTlsSpec;
  readonly sentinel?: DefaultedRedisExternalSentinel;
}

/** Use TLS to Redis. {} trusts the certificate authorities of the image. */
export interface RedisExternalTlsSpec {
  /**
   * Secret whose key ca.crt holds the authorities that may sign the certificate of Redis. A change restarts
   * ws-proxy, processor, api and bill-sink.
   */
  readonly caSecretName?: string;
  /**
   * Secret with the keys tls.crt and tls.key, if Redis requires client certificates. A change restarts
   * ws-proxy, processor, api and bill-sink.
   */
  readonly clientCertificateSecretName?: string;
  /**
   * Name in the certificate of Redis, if it differs from the host of the address, as with Sentinels that
   * announce IP addresses. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly serverName?: string;
}

/** Access to the Sentinels, with mode Sentinel. */
export interface RedisExternalSentinelSpec {
  /**
   * Name under which the Sentinels watch the primary. A change restarts ws-proxy, processor, api and
   * bill-sink.
   */
  readonly masterName: string;
  /**
   * Secret with the keys password and, optionally, username of the Sentinels themselves, if they require a
   * login. A change restarts ws-proxy, processor, api and bill-sink.
   */
  readonly credentialsSecretName?: string;
  /**
   * Use TLS to the Sentinels too, if Redis uses TLS. A change restarts ws-proxy, processor, api and
   * bill-sink.
   */
  readonly tls?: boolean;
}

/** {@link RedisExternalSentinelSpec} with its defaults. */
export interface DefaultedRedisExternalSentinel {
  readonly masterName: string;
  readonly credentialsSecretName?: string;
  readonly tls: boolean;
}

/** Observed state of the cluster. Written by the operator. */
export interface OcppClusterStatus {
  /** metadata.generation of the spec that this status describes. */
  readonly observedGeneration?: number;
  /**
   * Summary. Pending: not available yet. Degraded: needs attention. Draining: terminating Pods move their
   * stations. Progressing: Pods change. Paused: left alone because of an annotation. Running: as the spec
   * asks.
   */
  readonly phase?: 'Pending' | 'Running' | 'Progressing' | 'Draining' | 'Degraded' | 'Paused';
  /**
   * Available, Progressing, Degraded, Draining, RedisReady, HighlyAvailable, Secured and AutoscalingActive,
   * each with its reason and what to do.
   */
  readonly conditions?: readonly ConditionStatus[];
  /**
   * Image of the cluster's Pods, chosen at creation or when spec.image changed. An upgrade of the operator
   * keeps it.
   */
  readonly image?: string;
  /** repository:tag of spec.image when the image was chosen; absent if spec.image named neither. */
  readonly imageRequested?: string;
  /** Revision of the operator's Pod templates that this cluster uses, chosen together with the image. */
  readonly renderRevision?: number;
  /** Choices for the Redis of this cluster. */
  readonly redis?: RedisStatus;
  /** The data in Redis. Absent until a process has reported their identity. */
  readonly store?: StoreStatus;
  /** ws-proxy Pods that are draining. */
  readonly drain?: readonly DrainStatus[];
  /** The running rollout of the ws-proxy Pods, or the report of the last one. */
  readonly rollout?: RolloutStatus;
  /** The ws-proxy Pods. */
  readonly proxy?: ProxyStatus;
  /** The processor Pods; also for the scale subresource. */
  readonly processor?: ProcessorStatus;
  /** The Pods of the HTTP API. Absent without one. */
  readonly api?: ApiStatus;
  /** The Pods of the bill sink. Absent without one. */
  readonly billing?: BillingStatus;
  /** The queue between proxies and processors. Absent while unknown. */
  readonly queue?: QueueStatus;
  /** Last decision of the processor autoscaler, and the state that it keeps when the leader changes. */
  readonly autoscaling?: AutoscalingStatus;
  /**
   * How stations prove who they are, as the ws-proxies report it. Absent while no listener and no source of
   * stations asks for it.
   */
  readonly security?: SecurityStatus;
  /** URLs that stations connect to. */
  readonly endpoints?: readonly string[];
}

export interface ConditionStatus {
  /** Name of the condition. */
  readonly type: string;
  /** Whether the condition holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** Reason as one word for machines; docs/operations.md explains each. */
  readonly reason: string;
  /** Reason with names and figures, and what to do. */
  readonly message: string;
  /** metadata.generation of the spec that it describes. */
  readonly observedGeneration: number;
  /** When its status last changed. */
  readonly lastTransitionTime: string;
}

/** Choices for the Redis of this cluster. */
export interface RedisStatus {
  /** Image of the embedded Redis, chosen together with the image of the cluster. */
  readonly image?: string;
  /**
   * Secret with the password of the embedded Redis. Absent for clusters created before passwords existed;
   * they continue without one.
   */
  readonly passwordSecretName?: string;
  /** Last requested size of the volume of the embedded Redis. */
  readonly storage?: string;
}

/** The data in Redis. Absent until a process has reported their identity. */
export interface StoreStatus {
  /** Random number of the data that the cluster works with. It is written to Redis with the first data. */
  readonly identity: number;
  /**
   * Redis has other data than before. Present until the former data are restored, or until the annotation
   * ocpp.dev/acknowledge-data-loss has the new identity.
   */
  readonly lost?: StoreLostStatus;
  /** When the certificate that Redis shows expires. Absent without TLS. */
  readonly certificateNotAfter?: string;
}

/**
 * Redis has other data than before. Present until the former data are restored, or until the annotation
 * ocpp.dev/acknowledge-data-loss has the new identity.
 */
export interface StoreLostStatus {
  /** Random number of the data that are in Redis now. */
  readonly identity: number;
  /** When the operator noticed it. */
  readonly since: string;
}

export interface DrainStatus {
  /** Name of the Pod. */
  readonly pod: string;
  /** Stations still connected to it. Absent while unknown. */
  readonly sessions?: number;
  /** When Kubernetes ends the Pod in any case. */
  readonly deadline?: string;
}

/** The running rollout of the ws-proxy Pods, or the report of the last one. */
export interface RolloutStatus {
  /** Identifies this rollout in the counts of moves. */
  readonly id: string;
  /**
   * Preparing: the new Pods start and are tested. Switching: new connections begin to reach the new set.
   * FirstPortion: a few stations move and must return. Moving: the others move. GoingBack: stations return
   * to the previous set. Completed or Aborted: the report of the last rollout.
   */
  readonly phase: 'Preparing' | 'Switching' | 'FirstPortion' | 'Moving' | 'GoingBack' | 'Completed' | 'Aborted';
  /** Deployment that served before. */
  readonly fromSet?: string;
  /** Deployment that is to serve. */
  readonly toSet: string;
  /** Hash of the new Pod template. */
  readonly template?: string;
  /** What the rollout waits for; or how it ended and why. */
  readonly message?: string;
  /** Why it went back. */
  readonly reason?: string;
  /** When it began. */
  readonly startedTime: string;
  /** When the phase began. */
  readonly phaseTime: string;
  /** When it was completed or aborted. */
  readonly finishedTime?: string;
  /** When new connections began to reach the new set. */
  readonly switchedTime?: string;
  /** Since when the counts in Redis can be read. */
  readonly countsSince?: string;
  /** When a station last moved or returned. */
  readonly progressTime?: string;
  /** Stations that were connected when new connections began to reach the new set. */
  readonly stations?: number;
  /** Stations that this rollout moved. */
  readonly moved?: number;
  /** Those that have connected again. */
  readonly returned?: number;
  /** Those that are away for longer than returnWithinSeconds. */
  readonly missing?: number;
  /** Stations that this rollout moved more than once. */
  readonly movedAgain?: number;
  /** Sockets closed with an open CALL because the deadline had passed. */
  readonly forced?: number;
  /** Stations moved per second of late. */
  readonly ratePerSecond?: number;
  /** When the last station moves at this rate. */
  readonly eta?: string;
  /** Time from the close of a station's socket to its next response. */
  readonly gapSeconds?: RolloutGapSecondsStatus;
  /** Most moved stations that connected again within one second. */
  readonly peakReturnsPerSecond?: number;
  /** Handshakes of the serving set while the new one was prepared, and of the new set at the switch. */
  readonly handshakes?: RolloutHandshakesStatus;
  /** Value of the annotation ocpp.dev/retry-rollout when it began. */
  readonly retry?: string;
}

/** Time from the close of a station's socket to its next response. */
export interface RolloutGapSecondsStatus {
  /** Half of the stations waited no longer. */
  readonly p50: number;
  /** 99 % of the stations waited no longer. */
  readonly p99: number;
}

/** Handshakes of the serving set while the new one was prepared, and of the new set at the switch. */
export interface RolloutHandshakesStatus {
  /** Accepted by the serving set. */
  readonly acceptedBefore?: number;
  /** Failed at the serving set. */
  readonly failedBefore?: number;
  /** Accepted by the new set before the switch. */
  readonly accepted?: number;
  /** How long the new one was prepared. */
  readonly secondsBefore?: number;
  /** Failed at the new set before the switch. */
  readonly failed?: number;
  /** Restarts of the new Pods before the switch. */
  readonly restarts?: number;
}

/** The ws-proxy Pods. */
export interface ProxyStatus {
  /** Number of Pods of the serving set. */
  readonly replicas: number;
  /** Number of its ready Pods. */
  readonly readyReplicas: number;
  /** Deployment whose Pods get new connections. */
  readonly servingSet?: string;
  /** A running scale-in. Its Pods move their stations before the Deployment gets smaller. */
  readonly scaleIn?: ProxyScaleInStatus;
  /** The running rebalance (annotation ocpp.dev/rebalance), or the report of the last one. */
  readonly rebalance?: ProxyRebalanceStatus;
  /** Open station sockets, including those on draining Pods. Absent while unknown. */
  readonly sessions?: number;
  /** Last decision of the ws-proxy autoscaler, and the state that it keeps when the leader changes. */
  readonly autoscaling?: ProxyAutoscalingStatus;
}

/** A running scale-in. Its Pods move their stations before the Deployment gets smaller. */
export interface ProxyScaleInStatus {
  /** Identifies this scale-in in the counts of moves. */
  readonly id: string;
  /** When the last of these Pods was chosen. */
  readonly since: string;
  /** Pods that are to end. */
  readonly pods: readonly string[];
  /** Pods that were to end, and are to accept stations again. */
  readonly returning?: readonly string[];
  /** What the scale-in waits for. */
  readonly message?: string;
}

/** The running rebalance (annotation ocpp.dev/rebalance), or the report of the last one. */
export interface ProxyRebalanceStatus {
  /** Value of the annotation; it is done once per value. */
  readonly value: string;
  /** Identifies this rebalance in the counts of moves. */
  readonly id: string;
  /** Number of the round: at most 3. */
  readonly round: number;
  /** When this round began. */
  readonly roundTime: string;
  /** Stations of each Pod when it began, the fullest first. */
  readonly before: readonly number[];
  /** The same when it ended. */
  readonly after?: readonly number[];
  /** Stations that each Pod is to move, with those of earlier rounds. Present while it runs. */
  readonly targets?: readonly ProxyRebalanceTargetStatus[];
  /** When it ended. Absent while it runs. */
  readonly finishedTime?: string;
  /** What it waits for; or how it ended. */
  readonly message?: string;
}

export interface ProxyRebalanceTargetStatus {
  /** Name of the Pod. */
  readonly pod: string;
  /** Number of stations. */
  readonly moves: number;
}

/** Last decision of the ws-proxy autoscaler, and the state that it keeps when the leader changes. */
export interface ProxyAutoscalingStatus {
  /** Desired number of Pods. */
  readonly desiredReplicas?: number;
  /** Why desiredReplicas has this value. */
  readonly reason?: string;
  /** When that number last changed. */
  readonly lastScaleTime?: string;
  /** Recommendations of the stabilization window. */
  readonly recommendations?: readonly RecommendationStatus[];
}

export interface RecommendationStatus {
  /** Time of the recommendation. */
  readonly at: string;
  /** Recommended number. */
  readonly replicas: number;
}

/** The processor Pods; also for the scale subresource. */
export interface ProcessorStatus {
  /** Number of Pods. */
  readonly replicas: number;
  /** Number of ready Pods. */
  readonly readyReplicas: number;
  /** Label selector of these Pods, for autoscalers. */
  readonly selector: string;
}

/** The Pods of the HTTP API. Absent without one. */
export interface ApiStatus {
  /** Number of Pods. */
  readonly replicas: number;
  /** Number of ready Pods. */
  readonly readyReplicas: number;
}

/** The Pods of the bill sink. Absent without one. */
export interface BillingStatus {
  /** Number of Pods. */
  readonly replicas: number;
  /** Number of ready Pods. */
  readonly readyReplicas: number;
}

/** The queue between proxies and processors. Absent while unknown. */
export interface QueueStatus {
  /** Waiting frames. */
  readonly depth: number;
  /** Age of the oldest waiting frame. */
  readonly oldestSeconds: number;
  /** Frames claimed and not acknowledged yet. */
  readonly inFlight: number;
}

/** Last decision of the processor autoscaler, and the state that it keeps when the leader changes. */
export interface AutoscalingStatus {
  /** Desired number of Pods. */
  readonly desiredReplicas?: number;
  /** Why desiredReplicas has this value. */
  readonly reason?: string;
  /** When that number last changed. */
  readonly lastScaleTime?: string;
  /** Direction of that change. */
  readonly lastScaleDirection?: 'Up' | 'Down';
  /** Messages per busy second of one processor, smoothed. */
  readonly capacityPerReplica?: number;
  /** Recommendations of the stabilization window. */
  readonly recommendations?: readonly RecommendationStatus[];
  /** The mode of the last decision. */
  readonly mode?: string;
  /**
   * Number of processors for the load of this moment, as far as more of them help, before bounds, windows
   * and steps. Not below the present number while arrivals are incomplete and during a rollout.
   */
  readonly recommendedReplicas?: number;
  /** The value of spec.processor.replicas that mode Internal ignores. */
  readonly ignoredReplicas?: number;
  /** When the load last asked for more than maxReplicas. */
  readonly lastLimitedTime?: string;
  /** The scale-outs of the last 15 seconds. Their sum is limited. */
  readonly scaleOut?: AutoscalingScaleOutStatus;
  /** No processor is ready while frames wait. One more was asked for. */
  readonly outage?: AutoscalingOutageStatus;
  /**
   * While the processors are saturated, what the present number of ready ones completes, and what the last
   * smaller number did.
   */
  readonly growth?: AutoscalingGrowthStatus;
  /**
   * More processors completed no more messages. The number is not raised above this one while that lasts,
   * but for a probe every 15 minutes.
   */
  readonly ceiling?: AutoscalingCeilingStatus;
  /** The figures of the last decision. A figure that is not known is absent. */
  readonly inputs?: AutoscalingInputsStatus;
}

/** The scale-outs of the last 15 seconds. Their sum is limited. */
export interface AutoscalingScaleOutStatus {
  /** When the first of them was decided. */
  readonly since: string;
  /** Number of processors before it. */
  readonly from: number;
}

/** No processor is ready while frames wait. One more was asked for. */
export interface AutoscalingOutageStatus {
  /** Number of processors when it began. */
  readonly replicas: number;
}

/**
 * While the processors are saturated, what the present number of ready ones completes, and what the last
 * smaller number did.
 */
export interface AutoscalingGrowthStatus {
  /** Number of ready processors. */
  readonly replicas: number;
  /** Since when there are so many. */
  readonly since: string;
  /** Capacity of one processor before they were saturated. */
  readonly calmCapacity?: number;
  /** What they complete. Absent until measured. */
  readonly completedPerSecond?: number;
  /** The last smaller number. Absent if it was not measured, or is compared already. */
  readonly beforeReplicas?: number;
  /** What those completed. */
  readonly beforePerSecond?: number;
  /** When that was measured. */
  readonly beforeTime?: string;
}

/**
 * More processors completed no more messages. The number is not raised above this one while that lasts, but
 * for a probe every 15 minutes.
 */
export interface AutoscalingCeilingStatus {
  /** The number of processors at which the scale-out stopped. */
  readonly replicas: number;
  /** When it was found. */
  readonly since: string;
  /** What they completed. */
  readonly completedPerSecond: number;
  /** What the measurements show. */
  readonly evidence: string;
  /** When the load last asked for more. */
  readonly neededTime?: string;
  /** When some processors more were last tried. */
  readonly probeTime?: string;
}

/** The figures of the last decision. A figure that is not known is absent. */
export interface AutoscalingInputsStatus {
  /** Pods or Prometheus. */
  readonly source?: string;
  /** Age of the latest reading of the queue. */
  readonly ageSeconds?: number;
  /** Frames that the ws-proxies enqueued, as a mean. */
  readonly arrivalsPerSecond?: number;
  /** The same between the last two readings. */
  readonly recentArrivalsPerSecond?: number;
  /** Connected stations. */
  readonly stations?: number;
  /** Frames that no processor has claimed. */
  readonly waiting?: number;
  /** Age of the oldest of them. */
  readonly oldestSeconds?: number;
  /** Frames claimed and not acknowledged. */
  readonly inFlight?: number;
  /** Messages that the processors complete. Absent until each ready processor was read twice. */
  readonly completedPerSecond?: number;
  /** Share of their time that the processors were busy, from 0 to 1. */
  readonly busyShare?: number;
  /** Share of their time that the CPU limit stopped the processors, from 0 to 1. */
  readonly throttledShare?: number;
  /** Mean time to handle a message. */
  readonly handlerSeconds?: number;
  /** Time in which Redis answered the processors. */
  readonly storeSeconds?: number;
}

/**
 * How stations prove who they are, as the ws-proxies report it. Absent while no listener and no source of
 * stations asks for it.
 */
export interface SecurityStatus {
  /** Connected stations that mode Enforce would refuse. Absent while unknown. */
  readonly unproven?: number;
  /** Connected stations whose certificate expires within 7 days, or has expired. Absent while unknown. */
  readonly stationsExpiring?: number;
  /** When the certificate of the internal authority expires (certificateAuthority.internal). */
  readonly authorityNotAfter?: string;
  /** Certificates and revocation lists of the listeners, and when each expires. */
  readonly certificates?: readonly SecurityCertificateStatus[];
  /**
   * Secret with the key of stored passwords that the operator created. It is not created a second time:
   * with another key no stored password would match.
   */
  readonly passwordKeySecretName?: string;
  /** Listeners whose changed files the ws-proxies refuse. They keep the earlier ones. */
  readonly rejected?: readonly SecurityRejectedStatus[];
}

export interface SecurityCertificateStatus {
  /** Name of the listener. */
  readonly listener: string;
  /** Which of its files. */
  readonly what: string;
  /** When the first of them expires. */
  readonly notAfter: string;
}

export interface SecurityRejectedStatus {
  /** Name of the listener. */
  readonly listener: string;
  /** Which file is refused, and why. */
  readonly problem: string;
}
