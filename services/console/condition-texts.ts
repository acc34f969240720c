/**
 * The reasons of conditions in plain words, and the first step of docs/operations.md: a part of texts.ts. A test compares the reasons with
 * that page. `{namespace}` and `{name}` are those of the cluster.
 */

/** What holds, and what to do; without a step there is nothing to do. */
type ReasonText = readonly [meaning: string, step?: string];

const LOST_DATA =
  'Find out why first: a new volume, a flushed Redis or another server. Restore a backup, or accept the loss with the command in the message.';

/** Condition → reason → text. */
export const CONDITION_TEXTS: Readonly<Record<string, Readonly<Record<string, ReasonText>>>> = {
  Available: {
    Serving: ['Stations are served'],
    Starting: [
      'The cluster starts for the first time',
      'Wait. The message names the part that is missing; what keeps a Pod from starting appears in Degraded.',
    ],
    NoProxyReady: [
      'Stations cannot connect: no ws-proxy is ready',
      'Check the ws-proxy Pods and their logs: kubectl -n {namespace} get pods',
    ],
    RedisNotReady: [
      'Stations are connected and wait: Redis is not ready',
      'See RedisReady. Frames wait in the memory of the ws-proxies, and are answered when Redis is back.',
    ],
    NoProcessorReady: [
      'Stations are connected and wait: no processor is ready',
      'Check the processor Pods: kubectl -n {namespace} get pods. The queue keeps all frames.',
    ],
  },
  Progressing: {
    Settled: ['No change is in progress'],
    RollingOut: ['A rollout replaces Pods', 'Wait. This page shows where it is.'],
    Updating: [
      'A change waits for Kubernetes',
      'Wait. If this persists, the kube-controller-manager of Kubernetes is down.',
    ],
    WaitingForPods: ['Pods start or stop', 'Wait. If this persists, see Degraded.'],
    ScalingIn: ['Pods that are to end move their stations first', 'Wait. This page shows the Pods.'],
    Rebalancing: [
      'Stations are evened out over the ws-proxies',
      'Wait, or remove the annotation: kubectl -n {namespace} annotate ocpp {name} ocpp.dev/rebalance-',
    ],
    WaitingForStations: ['Pods that end still hold stations', 'Wait. This page shows how many are left.'],
    BeingReplaced: ['A deleted cluster of this name is still being removed', 'Wait.'],
    Paused: [
      'The operator is paused: it changes nothing',
      'When you are done: kubectl -n {namespace} annotate ocpp {name} ocpp.dev/paused-',
    ],
    RolloutsPaused: [
      'Rollouts are paused: a change is held back',
      'When you are done: kubectl -n {namespace} annotate ocpp {name} ocpp.dev/pause-rollouts-',
    ],
    MadeByNewerOperator: [
      'A newer operator made these Pods, and this one leaves them unchanged',
      'Upgrade the operator again, or set spec.upgrade: Auto to replace the Pods.',
    ],
  },
  Degraded: {
    AsExpected: ['There is no problem'],
    NameTaken: [
      'An object with a required name belongs to another owner',
      'Delete the object that the message names, or rename the OcppCluster.',
    ],
    Refused: [
      'Kubernetes refuses an object',
      'Correct the field, quota, StorageClass or permission that the message names.',
    ],
    NotApplied: [
      'Kubernetes fails on an object, and later ones wait',
      'Read the quoted error: mostly a webhook of Kubernetes, or exhausted addresses. The operator retries at least every minute.',
    ],
    AddOnMissing: [
      'The spec needs an add-on that Kubernetes does not have',
      'Install the add-on, or remove the field.',
    ],
    DataLost: [
      'Redis has other data than before: transactions, tokens and registrations are gone',
      LOST_DATA,
    ],
    PrefixTaken: [
      'Pods do not start: the keys in Redis belong to another cluster',
      'Give each cluster its own prefix, database or Redis. /readyz of the Pods names the other cluster.',
    ],
    LoginRefused: [
      'Redis refuses the password of Pods',
      'After a change of the Secret wait two minutes. If it stays, the Secret and Redis differ.',
    ],
    VolumeTerminating: [
      'The volume of Redis was deleted, and goes with all data when the Pod ends',
      'Make a backup before the Pod of Redis ends, then see “Lost data” in docs/operations.md.',
    ],
    DeregistrationTooShort: [
      'The load balancer would cut connections before a rollout ends',
      'Raise the delay of the load balancer, or spec.proxy.drain.ratePerSecond.',
    ],
    SettingsRejected: [
      'Pods refuse their changed settings, and keep all earlier ones',
      'The log of the Pod names the wrong setting. An image of an earlier release may not know it: set spec.image.',
    ],
    StationSourceFailing: [
      'New stations are refused: their entries cannot be read',
      'Check the webhook, the Secret or Redis, whichever spec.authentication.stations names. The log of the ws-proxy has the error.',
    ],
    ApiNotRunning: [
      'The HTTP API does not run everywhere; stations are served',
      'The message names the Pod and the reason: mostly a missing Secret, or an earlier image.',
    ],
    BillSinkNotRunning: [
      'The bill sink does not run: bills wait in Redis',
      'See why PostgreSQL or Redis is away: kubectl -n {namespace} logs deployment/{name}-bill-sink. A missing Secret: create it with the key url.',
    ],
    UnknownVariable: [
      'podTemplate.env has a variable that no program reads',
      'Correct the name, or remove the variable. The message has the nearest name.',
    ],
    ForeignVariable: [
      'Another client added a variable to a Deployment',
      'Remove it with the command in the message, or set it in podTemplate.env.',
    ],
    PodsNotStarting: [
      'Pods do not start',
      'The message names the Pod: kubectl -n {namespace} describe pod, and kubectl -n {namespace} logs --previous.',
    ],
    RolloutAborted: [
      'The rollout was stopped: stations went back to the old ws-proxies',
      'Correct spec.image or spec.proxy. To try the same again: kubectl -n {namespace} annotate ocpp {name} ocpp.dev/retry-rollout=1 --overwrite, each time with another value.',
    ],
  },
  Draining: {
    GivingUpStations: [
      'Pods that end still hold stations',
      'Wait until the deadline. This page shows each Pod.',
    ],
    DeadlineTooShort: [
      'Stations cannot move before the deadline: the rest is closed then',
      'Raise spec.proxy.drain.ratePerSecond or deadlineSeconds for the next time.',
    ],
    NoPodDraining: ['No Pod drains'],
  },
  RedisReady: {
    Ready: ['Redis answers'],
    Connected: ['Processors are connected to Redis'],
    NotReady: ['Redis does not answer', 'See why: kubectl -n {namespace} describe pod {name}-redis-0'],
    LoginRefused: [
      'Redis refuses the password of Pods',
      'After a change of the Secret wait two minutes. If it stays, the Secret and Redis differ.',
    ],
    NotConnected: [
      'No processor is connected to your Redis',
      'The log of a processor says why: address, password, certificate or rights.',
    ],
  },
  HighlyAvailable: {
    NoSinglePod: ['No component depends on one node'],
    SingleRedisPod: [
      'Redis is one Pod',
      'Accept an outage of minutes after a node is lost, or use redis.external with Sentinel or Cluster.',
    ],
    SingleProxy: ['There is one ws-proxy', 'Run two or more, as the message says.'],
    SingleProcessor: ['There is one processor', 'Run two or more, as the message says.'],
    StandaloneRedis: ['Your Redis may not be highly available', 'Ask the operator of that Redis.'],
  },
  Secured: {
    Enforced: ['Every station proves who it is'],
    PlainListener: [
      'A listener lets anyone be any station',
      'Give the listener in the message a securityProfile.',
    ],
    RollingOut: [
      'Pods that do not yet ask stations who they are may still serve',
      'Wait for the rollout. If it does not end, see Progressing.',
    ],
    SettingsRejected: [
      'Changed authentication does not count: ws-proxies keep earlier settings',
      'The log of the Pod names the wrong setting. An image of an earlier release may not know it: set spec.image.',
    ],
    ReportOnly: [
      'Stations that cannot prove who they are are reported, not refused',
      'The log of a ws-proxy names them. At 0, set authentication.mode to Enforce.',
    ],
    UnknownStationsAccepted: [
      'Stations without an entry are let in with any password',
      'Set authentication.unknownStations to Reject when all stations have entries.',
    ],
    CertificateRejected: [
      'Changed files of a listener are refused, and the earlier ones stay',
      'The message says which file and why. Correct the Secret; no restart is needed.',
    ],
    CertificateExpiring: [
      'A certificate expires soon, or has expired',
      'Renew the Secret. Before that of the authority, add its successor to ca.crt of tls.clientCaSecretName.',
    ],
  },
  AutoscalingActive: {
    FollowingQueue: ['The number of processors follows the load'],
    Limited: [
      'The load asks for more processors than maxReplicas',
      'Raise maxReplicas, or find out why the load grew.',
    ],
    NoGain: [
      'More processors do not help',
      'Look at what the message names: Redis, the services of the handlers, CPU limits.',
    ],
    SignalsMissing: [
      'The load cannot be read: the number of processors is held',
      'Check that the Pods are ready, and that the operator may reach their port 9090. With a Prometheus, the message says what is wrong with it.',
    ],
    AutoscalerFails: [
      'The autoscaler of Kubernetes cannot scale: the number of processors is held',
      'The message has its words. HPA needs an adapter of external.metrics.k8s.io; KEDA needs a Prometheus that answers.',
    ],
    AutoscalerStarting: ['The autoscaler of Kubernetes starts', 'Wait. If this persists, see Degraded.'],
    AutoscalerMissing: [
      'The autoscaler of Kubernetes does not exist yet',
      'Wait. If this persists, see Degraded.',
    ],
    Off: ['Autoscaling is off, as configured'],
    Paused: ['Autoscaling is paused, as configured'],
  },
};
