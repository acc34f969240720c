/**
 * What an API server would say of an OcppCluster manifest, for `npm start`, which has none: the CRD's own
 * schema, strict about unknown fields, and its rules in code. A test holds rules and API server together.
 */
import { isIP } from 'node:net';
import { Ajv, type ErrorObject } from 'ajv';
import {
  defaultedSpec,
  type DefaultedProxy,
  type DefaultedRedis,
  type DefaultedSpec,
  type DefaultedTransactions,
} from './defaults.ts';
import { API_VERSION, KIND, type OcppCluster } from './ocpp-cluster.ts';
import { ocppClusterSchema, type Schema } from './schema.ts';

export interface Problem {
  /** Such as `spec.proxy.replicas`. */
  readonly field: string;
  readonly reason: string;
}

/** Empty: the manifest is a good OcppCluster. */
export function validateCluster(manifest: unknown): readonly Problem[] {
  const { apiVersion, kind, metadata } = (manifest ?? {}) as Partial<OcppCluster>;
  if (apiVersion !== API_VERSION) return [{ field: 'apiVersion', reason: `must be ${API_VERSION}` }];
  if (kind !== KIND) return [{ field: 'kind', reason: `must be ${KIND}` }];
  if (typeof metadata?.name !== 'string') return [{ field: 'metadata.name', reason: 'must be given' }];
  const check = compiled();
  if (!check(withoutNulls(manifest))) return (check.errors ?? []).map(problemOf);
  return rules(manifest as OcppCluster);
}

/** Whether it is broken, the field, the message. */
type Rule = readonly [boolean, string, string];

/** An hour, without what a ws-proxy Pod gets beside. */
const LONGEST_DRAIN_SECONDS = 3575;

/** The CEL rules of crds/ocppclusters.yaml that concern one version of the object, with their messages. */
function rules(cluster: OcppCluster): Problem[] {
  const given = cluster.spec?.redis;
  const { protocols, listeners, proxy, processor, redis } = defaultedSpec(cluster);
  const { minReplicas, maxReplicas } = processor.autoscaling;
  const broken: Rule[] = [
    [
      !/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(cluster.metadata.name) || cluster.metadata.name.length > 40,
      'metadata.name',
      'must be at most 40 lower-case letters, digits and dashes and start with a letter, because Services and Pods are named after it',
    ],
    [doubled(protocols), 'spec.protocols', 'an OCPP version stands there twice'],
    [
      doubled(listeners.map(({ name }) => name)),
      'spec.listeners',
      'two listeners have the same name; give each a name of its own',
    ],
    [
      doubled(listeners.map(({ port }) => port)),
      'spec.listeners',
      'two listeners have the same port; give each a port of its own',
    ],
    [
      proxy.defaultProtocol !== undefined && !protocols.includes(proxy.defaultProtocol),
      'spec',
      'proxy.defaultProtocol must be one of protocols',
    ],
    ...serviceRules(listeners, proxy.service),
    ...drainRules(proxy, processor.callTimeoutSeconds),
    ...transactionRules(processor.transactions),
    [minReplicas > maxReplicas, 'spec.processor.autoscaling', 'minReplicas must not be above maxReplicas'],
    [
      proxy.autoscaling !== undefined && proxy.autoscaling.minReplicas > proxy.autoscaling.maxReplicas,
      'spec.proxy.autoscaling',
      'minReplicas must not be above maxReplicas',
    ],
    [
      given?.embedded !== undefined && given.external !== undefined,
      'spec.redis',
      'give embedded or external, not both',
    ],
    [
      redis.distributedState && redis.database >= 15,
      'spec.redis',
      'distributedState needs the database after this one, and Redis has 16 of them',
    ],
    ...externalRules(redis),
  ];
  return broken.flatMap(([bad, field, reason]) => (bad ? [{ field, reason }] : []));
}

const doubled = (values: readonly unknown[]) => new Set(values).size < values.length;

function serviceRules(listeners: DefaultedSpec['listeners'], service: DefaultedProxy['service']): Rule[] {
  const nodePorts = listeners.flatMap(({ nodePort }) => (nodePort === undefined ? [] : [nodePort]));
  const balanced = [
    'loadBalancerClass',
    'loadBalancerSourceRanges',
    'allocateLoadBalancerNodePorts',
  ] as const;
  return [
    [
      nodePorts.length > 0 && service.type === 'ClusterIP',
      'spec',
      'listeners[].nodePort needs proxy.service.type NodePort or LoadBalancer',
    ],
    [
      doubled(nodePorts),
      'spec.listeners',
      'two listeners have the same nodePort; give each one of its own, or none',
    ],
    ...balanced.map((field): Rule => {
      const broken = service[field] !== undefined && service.type !== 'LoadBalancer';
      return [broken, 'spec.proxy.service', `${field} needs type LoadBalancer`];
    }),
  ];
}

function drainRules({ maxSessionsPerPod, drain }: DefaultedProxy, callTimeout: number): Rule[] {
  const { ratePerSecond, deadlineSeconds } = drain;
  const needed = Math.ceil(maxSessionsPerPod / ratePerSecond);
  return [
    [
      needed > deadlineSeconds,
      'spec.proxy',
      'a full Pod cannot give up its stations in time, as drain.deadlineSeconds is less than maxSessionsPerPod / ' +
        'drain.ratePerSecond; raise drain.deadlineSeconds or drain.ratePerSecond, or lower maxSessionsPerPod',
    ],
    [
      Math.max(deadlineSeconds, needed + callTimeout) > LONGEST_DRAIN_SECONDS,
      'spec',
      'a ws-proxy Pod would get more than an hour to end, as it gets 25 s and the longer of proxy.drain.deadlineSeconds and ' +
        'proxy.maxSessionsPerPod / proxy.drain.ratePerSecond + processor.callTimeoutSeconds; lower deadlineSeconds to 3575 or ' +
        'less, and raise ratePerSecond or lower maxSessionsPerPod',
    ],
  ];
}

function transactionRules({ reportAfterSeconds, abandonAfterSeconds }: DefaultedTransactions): Rule[] {
  return [
    [
      abandonAfterSeconds !== 0 && abandonAfterSeconds < reportAfterSeconds,
      'spec.processor.transactions',
      'abandonAfterSeconds must not be below reportAfterSeconds, as a transaction is reported before it is closed; 0 never closes one',
    ],
  ];
}

function externalRules({ external, ...redis }: DefaultedRedis): Rule[] {
  if (external === undefined) return [];
  const { mode = 'Standalone', addresses, sentinel } = external;
  const tags = [redis.channelPrefix, redis.stateKeyPrefix || redis.channelPrefix].map(hashTag);
  const onCluster = mode === 'Cluster';
  return [
    [
      mode === 'Standalone' && addresses.length !== 1,
      'spec.redis.external',
      'a Standalone Redis has one address; several are those of Sentinels or of a Cluster',
    ],
    [
      (mode === 'Sentinel') !== (sentinel !== undefined),
      'spec.redis.external',
      'mode Sentinel needs sentinel.masterName, and no other mode has sentinel',
    ],
    [
      onCluster && (tags[0] === undefined || tags[0] !== tags[1]),
      'spec.redis',
      'on a Redis Cluster channelPrefix needs a hash tag, such as {city}, and stateKeyPrefix the same one',
    ],
    [
      onCluster && (redis.database !== 0 || redis.distributedState),
      'spec.redis',
      'a Redis Cluster has database 0 only, and so no distributedState',
    ],
  ];
}

/** What stands in the first braces of a key, if that is not empty. */
function hashTag(prefix: string): string | undefined {
  return /^[^{]*\{([^}]+)\}/.exec(prefix)?.[1];
}

function isCidr(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const most = { 4: 32, 6: 128 }[isIP(address)];
  return most !== undefined && Number(bits) <= most;
}

let validator: ReturnType<Ajv['compile']> | undefined;

function compiled(): ReturnType<Ajv['compile']> {
  validator ??= new Ajv({
    allErrors: true,
    strict: false,
    formats: { int32: true, int64: true, 'date-time': true, cidr: isCidr },
  }).compile(strict(ocppClusterSchema));
  return validator;
}

/** Unknown fields and doubled list entries are mistakes, as with `kubectl apply` (fieldValidation=Strict). */
function strict(schema: Schema): Schema {
  const { properties, items, additionalProperties } = schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...schema,
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, strict(field)]),
      ),
      ...(!open && { additionalProperties: false }),
    }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: strict(additionalProperties) }),
    ...(items !== undefined && { items: strict(items) }),
    ...(schema['x-kubernetes-list-type'] === 'set' && { uniqueItems: true }),
  };
}

/** An API server drops nulls of fields that are not nullable, and none here is. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]));
}

function problemOf(error: ErrorObject): Problem {
  const field = error.instancePath
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.');
  const { additionalProperty, missingProperty, allowedValues } = error.params as Record<string, unknown>;
  if (typeof additionalProperty === 'string') {
    return { field: within(field, additionalProperty), reason: 'there is no such field' };
  }
  if (typeof missingProperty === 'string') {
    return { field: within(field, missingProperty), reason: 'must be given' };
  }
  if (Array.isArray(allowedValues)) return { field, reason: `must be one of ${allowedValues.join(', ')}` };
  return { field, reason: error.message ?? 'is not valid' };
}

const within = (parent: string, name: string) => (parent === '' ? name : `${parent}.${name}`);
