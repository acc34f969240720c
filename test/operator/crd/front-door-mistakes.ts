/** Mistakes in listeners and in what asks who a station is, and the words of the API server about each. */

export interface Mistake {
  readonly spec: object;
  readonly name?: string;
  readonly field: string;
  /** In the API server's answer. */
  readonly says: RegExp;
}

const REGISTER = { stations: { register: true } };
const TLS = { secretName: 'certificate' };
const BALANCED = { proxy: { trustedNetworks: ['10.0.0.0/8'] } };
const inTls = (tls: object, says: RegExp): Mistake => ({
  spec: { ...BALANCED, authentication: REGISTER, listeners: [{ name: 'a', securityProfile: 2, tls }] },
  field: 'spec.listeners[0].tls',
  says,
});
const inListener = (listener: object, says: RegExp): Mistake => ({
  spec: { authentication: REGISTER, listeners: [{ name: 'a', ...listener }] },
  field: 'spec.listeners[0]',
  says,
});

/** `URL` refuses them, and with them a program its start. */
const WRONG_PORTS = [
  'https://a:65536',
  'http://a.b:99999/c',
  'https://a:70000?q',
  'https://[::1]:000100000/',
];
const decider = (more: object) => ({
  decisions: {
    webhook: {
      url: 'https://decider',
      signingSecret: { name: 's', key: 'secret' },
      actions: [{ action: 'Authorize' }],
      ...more,
    },
  },
});

export const FRONT_DOOR_MISTAKES: readonly Mistake[] = [
  inListener({ securityProfile: 2 }, /securityProfile 2 and 3 need tls, with secretName or issuerRef/),
  inListener({ securityProfile: 1, tls: TLS }, /tls needs securityProfile 2 or 3/),
  inListener({ tls: TLS }, /tls needs securityProfile 2 or 3/),
  inListener({ securityProfile: 3, tls: TLS }, /securityProfile 3 needs tls\.clientCaSecretName/),
  inListener(
    { securityProfile: 2, tls: { ...TLS, clientCaSecretName: 'ca' } },
    /clientCaSecretName needs securityProfile 3; with 2, stations present no certificate/,
  ),
  inTls({}, /give tls\.secretName or tls\.issuerRef, one of both/),
  inTls({ ...TLS, issuerRef: { name: 'i' } }, /give tls\.secretName or tls\.issuerRef, one of both/),
  inTls(
    { ...TLS, termination: 'LoadBalancer' },
    /with tls\.termination LoadBalancer the load balancer has the certificates/,
  ),
  inTls(
    { ...TLS, clientCertificateHeader: 'ssl-client-cert' },
    /clientCertificateHeader needs tls\.termination LoadBalancer/,
  ),
  ...[
    { securityProfile: 3, tls: { termination: 'LoadBalancer' } },
    { securityProfile: 2, tls: { termination: 'LoadBalancer', clientCertificateHeader: 'ssl-client-cert' } },
  ].map((listener) => ({
    spec: {
      authentication: REGISTER,
      proxy: { trustedNetworks: ['10.0.0.0/8'] },
      listeners: [{ name: 'a', ...listener }],
    },
    field: 'spec.listeners[0]',
    says: /securityProfile 3 needs tls\.clientCertificateHeader, and 2 has none/,
  })),
  inTls({ ...TLS, dnsNames: ['a.example.com'] }, /tls\.dnsNames needs tls\.issuerRef/),
  {
    spec: { authentication: REGISTER, listeners: [{ name: 'a', securityProfile: -1 }] },
    field: 'spec.listeners[0].securityProfile',
    says: /greater than or equal to 0/,
  },
  {
    spec: { listeners: [{ name: 'a', protocols: ['ocpp1.6', 'ocpp1.6'] }] },
    field: 'spec.listeners[0].protocols',
    says: /an OCPP version is listed twice/,
  },
  {
    spec: { protocols: ['ocpp1.6'], listeners: [{ name: 'a', protocols: ['ocpp2.1'] }] },
    field: 'spec',
    says: /listeners\[\]\.protocols must be some of protocols/,
  },
  ...[{}, { authentication: {} }, { authentication: { mode: 'Report' } }].map((others) => ({
    spec: { listeners: [{ name: 'a', securityProfile: 1 }], ...others },
    field: 'spec',
    says: /securityProfile 1 and 2 need authentication\.stations/,
  })),
  ...[
    { proxyProtocol: true },
    { securityProfile: 2, tls: { termination: 'LoadBalancer' } },
    {
      securityProfile: 3,
      tls: { termination: 'LoadBalancer', clientCertificateHeader: 'x-forwarded-client-cert' },
    },
  ].map((listener) => ({
    spec: { authentication: REGISTER, listeners: [{ name: 'a', ...listener }] },
    field: 'spec',
    says: /proxyProtocol and tls\.termination LoadBalancer need proxy\.trustedNetworks/,
  })),
  ...[{ ingress: { host: 'a.example.com' } }, { gateway: { parentRefs: [{ name: 'g' }] } }].map((proxy) => ({
    spec: {
      proxy,
      authentication: REGISTER,
      listeners: [{ name: 'a', securityProfile: 2, tls: TLS }],
    },
    field: 'spec',
    says: /proxy\.ingress and proxy\.gateway need a listener that they can reach/,
  })),
  ...[{}, { register: false }, { register: true, secretName: 's' }].map((stations) => ({
    spec: { authentication: { stations } },
    field: 'spec.authentication.stations',
    says: /needs one of register: true, secretName and webhook/,
  })),
  {
    spec: { authentication: { stations: { secretName: 's' }, enrolment: 'FirstSeen' } },
    field: 'spec.authentication',
    says: /enrolment FirstSeen needs authentication\.stations\.register/,
  },
  {
    spec: { authentication: { unknownStationStatus: 403 } },
    field: 'spec.authentication.unknownStationStatus',
    says: /supported values: "?401"?, "?404"?/,
  },
  {
    spec: { authentication: { stations: { webhook: { url: 'ftp://a' } } } },
    field: 'spec.authentication.stations.webhook.url',
    says: /should match/,
  },
  ...WRONG_PORTS.flatMap((url) => [
    {
      spec: { authentication: { stations: { webhook: { url } } } },
      field: 'spec.authentication.stations.webhook.url',
      says: /the port must be at most 65535/,
    },
    {
      spec: { api: { webhooks: [{ name: 'a', url, signingSecret: { name: 's', key: 'k' } }] } },
      field: 'spec.api.webhooks[0].url',
      says: /the port must be at most 65535/,
    },
  ]),
  {
    spec: { certificateAuthority: { webhook: { url: WRONG_PORTS[0] } } },
    field: 'spec.certificateAuthority.webhook.url',
    says: /the port must be at most 65535/,
  },
  {
    spec: { iso15118: { provider: { url: WRONG_PORTS[0] } } },
    field: 'spec.iso15118.provider.url',
    says: /the port must be at most 65535/,
  },
  {
    spec: decider({ url: WRONG_PORTS[0] }),
    field: 'spec.decisions.webhook.url',
    says: /the port must be at most 65535/,
  },
  {
    spec: { tracing: { endpoint: WRONG_PORTS[0] } },
    field: 'spec.tracing.endpoint',
    says: /the port must be at most 65535/,
  },
  {
    spec: { tracing: { endpoint: 'http://collector:4318', share: 1.5 } },
    field: 'spec.tracing.share',
    says: /less than or equal to 1/,
  },
  ...[{}, { internal: { secretName: 's' }, webhook: { url: 'https://ca' } }].map((certificateAuthority) => ({
    spec: { certificateAuthority },
    field: 'spec.certificateAuthority',
    says: /give certificateAuthority\.internal or certificateAuthority\.webhook, one of both/,
  })),
  {
    spec: decider({ actions: [{ action: 'DataTransfer', fallback: 'LastKnown' }] }),
    field: 'spec.decisions.webhook.actions[0]',
    says: /answers to DataTransfer are not kept/,
  },
  {
    spec: { ...decider({ timeoutMilliseconds: 5000 }), processor: { callTimeoutSeconds: 5 } },
    field: 'spec',
    says: /timeoutMilliseconds must be below processor\.callTimeoutSeconds/,
  },
  {
    spec: decider({ timeoutMilliseconds: 50 }),
    field: 'spec.decisions.webhook.timeoutMilliseconds',
    says: /greater than or equal to 100/,
  },
  {
    spec: decider({ actions: [{ action: 'Authorize' }, { action: 'Authorize', fallback: 'Accept' }] }),
    field: 'spec.decisions.webhook.actions[1]',
    says: /[Dd]uplicate/,
  },
];
