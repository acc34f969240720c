/** The part of an OcppCluster's spec that is about others: how stations reach it, who may reach it at all, and who watches it. */
export interface ServiceSpec {
  readonly type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly externalTrafficPolicy?: 'Cluster' | 'Local';
  /** This and the next two: only with type LoadBalancer. */
  readonly loadBalancerClass?: string;
  readonly loadBalancerSourceRanges?: readonly string[];
  readonly allocateLoadBalancerNodePorts?: boolean;
  readonly ipFamilyPolicy?: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';
}

export interface IngressSpec {
  readonly host: string;
  readonly className?: string;
  readonly tlsSecretName?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface GatewaySpec {
  readonly parentRefs: readonly {
    readonly name: string;
    readonly namespace?: string;
    readonly sectionName?: string;
    readonly port?: number;
  }[];
  readonly hostnames?: readonly string[];
  /** Of the Gateway's listeners, for status.endpoints. */
  readonly tls?: boolean;
}

/** Auto: while the API server knows the kinds of the Prometheus operator. */
export interface MonitoringSpec {
  readonly podMonitor?: 'Auto' | 'Off';
  readonly alerts?: 'Auto' | 'Off';
  readonly labels?: Readonly<Record<string, string>>;
}

export interface NetworkPolicySpec {
  readonly enabled?: boolean;
  /** NetworkPolicyPeers; left out: from everywhere. */
  readonly stationsFrom?: readonly object[];
  /** NetworkPolicyPeers, beside the operator; left out: every Pod of the Kubernetes cluster. */
  readonly metricsFrom?: readonly object[];
}
