/**
 * The bill sink: one Pod that moves bills to PostgreSQL. It is rolled as any web server, and two of them do no harm: an advisory lock of
 * PostgreSQL lets one work, and the other one is ready and waits. So the next Pod starts before the last one ends.
 */
import type { V1DeploymentSpec } from '@kubernetes/client-node';
import { ENV, PROGRAM } from '../../../services/contract.ts';
import type { DefaultedBillingSink } from '../../api/ocpp-cluster.ts';
import type { KubeObject } from '../../kube/object-store.ts';
import { adminMount } from '../admin-access.ts';
import { mountSecrets } from '../front-door/secret-mount.ts';
import { joined, secretFile } from '../front-door/service-access.ts';
import { podTemplate } from '../pod.ts';
import { ADMIN_PORT, NONROOT, probes, programEnv } from '../program.ts';
import { redisVolumes } from '../redis-access.ts';
import { hasBillSink, owned, type RenderInput, selectorLabels, workload } from '../render-input.ts';
import { DEPLOYMENTS, SERVICE_ACCOUNTS } from '../resources.ts';

const RESOURCES = { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '256Mi' } };
/** A transaction that PostgreSQL has begun ends first, s. */
const GRACE_SECONDS = 30;

export function billSinkObjects(input: RenderInput): KubeObject[] {
  const { sink } = input.spec.billing;
  if (sink === undefined || !hasBillSink(input)) return [];
  return [
    owned(input, SERVICE_ACCOUNTS, 'bill-sink', { automountServiceAccountToken: false }),
    billSinkDeployment(input, sink),
  ];
}

function billSinkDeployment(input: RenderInput, sink: DefaultedBillingSink): KubeObject {
  const [redis, admin, postgres] = [
    redisVolumes(input, 'bill-sink'),
    adminMount(input),
    postgresAccess(sink),
  ];
  const secrets = mountSecrets(postgres.secrets);
  const container = {
    image: input.image,
    args: [PROGRAM.billSink],
    env: [
      // It calls no station.
      ...programEnv(input, RESOURCES, sink.podTemplate).filter(({ name }) => name !== ENV.callTimeout),
      ...admin.env,
      ...postgres.env,
      { name: ENV.billSinkKeep, value: String(sink.keepInRedis) },
      { name: ENV.logLevel, value: sink.logLevel },
    ],
    ports: [ADMIN_PORT],
    volumeMounts: [...redis.volumeMounts, ...admin.volumeMounts, ...secrets.volumeMounts],
    ...probes(input),
  };
  const volumes = [...redis.volumes, ...admin.volumes, ...secrets.volumes];
  const parts = { user: NONROOT, graceSeconds: GRACE_SECONDS, resources: RESOURCES, container, volumes };
  const deployment = {
    replicas: 1,
    revisionHistoryLimit: 3,
    ...(input.holdRollouts === true && { paused: true }),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    selector: { matchLabels: selectorLabels(input.cluster, 'bill-sink') },
    template: podTemplate(input, 'bill-sink', parts, sink.podTemplate),
  } satisfies V1DeploymentSpec;
  return workload(input, DEPLOYMENTS, 'bill-sink', deployment);
}

/** Files, so that the sink takes a changed password with its next connection. */
const postgresAccess = ({ postgres: { secretName, caSecretName } }: DefaultedBillingSink) =>
  joined([
    secretFile('postgres', secretName, 'url', ENV.billSinkUrlFile),
    secretFile('postgres-ca', caSecretName, 'ca.crt', ENV.postgresSslRootCert),
  ]);
