/**
 * The controllers of Deployments and StatefulSets: they create and delete Pods in the store as the plans say, and write the
 * status. The runtime runs the Pods.
 */
import { randomBytes } from 'node:crypto';
import { type KubeObject, type ObjectStore, type Resource, StoreError } from '../../kube/object-store.ts';
import { DEPLOYMENTS, PODS, STATEFUL_SETS } from '../../render/resources.ts';
import type { Addresses } from '../network/addresses.ts';
import { planDeployment, TEMPLATE_HASH, templateHash } from './deployment.ts';
import type { Deployment, Labels, Pod, PodSpec, PodTemplate, StatefulSet } from '../kinds.ts';
import { refusedFields } from '../kubelet/pod-fields.ts';
import { withPorts } from '../network/ports.ts';
import { ADDRESS_OWNER } from '../network/services.ts';
import { planStatefulSet, podSpecOf, refusedInSet, REVISION } from './stateful-set.ts';

/** Gets the problem of an object; empty when there is none. */
export type Report = (object: KubeObject, message: string) => void;

export class Workloads {
  readonly #store: ObjectStore;
  readonly #addresses: Addresses;
  readonly #report: Report;

  constructor(store: ObjectStore, addresses: Addresses, report: Report) {
    this.#store = store;
    this.#addresses = addresses;
    this.#report = report;
  }

  /** One step. Returns when to reconcile again without a change, ms. */
  async reconcileDeployment(deployment: Deployment): Promise<number | undefined> {
    const refused = this.#refuse(deployment, refusedFields(deployment.spec.template.spec));
    const pods = await this.#podsOf(deployment);
    const plan = planDeployment(deployment, pods, refused, Date.now());
    const { template } = deployment.spec;
    const hash = templateHash(template);
    for (let made = 0; made < plan.create; made += 1) {
      const name = `${deployment.metadata.name}-${hash}-${randomBytes(3).toString('hex').slice(1)}`;
      await this.#create(deployment, name, template, template.spec, { [TEMPLATE_HASH]: hash }, `pod/${name}`);
    }
    await this.#remove(plan.remove);
    await reportStatus(this.#store, DEPLOYMENTS, deployment, plan.status);
    return plan.requeueAfterMs;
  }

  async reconcileStatefulSet(set: StatefulSet): Promise<void> {
    const { template, serviceName } = set.spec;
    const refused = this.#refuse(set, [...refusedInSet(set), ...refusedFields(template.spec)]);
    const plan = planStatefulSet(set, await this.#podsOf(set), refused);
    if (plan.create) {
      const name = `${set.metadata.name}-0`;
      const labels = {
        [REVISION]: templateHash(template),
        'statefulset.kubernetes.io/pod-name': name,
      };
      const owner =
        serviceName === undefined || serviceName === '' ? `pod/${name}` : `service/${serviceName}`;
      await this.#create(set, name, template, podSpecOf(set), labels, owner);
    }
    await this.#remove(plan.remove);
    await reportStatus(this.#store, STATEFUL_SETS, set, plan.status);
  }

  async #podsOf(owner: KubeObject): Promise<Pod[]> {
    const { namespace, uid } = owner.metadata;
    const { items } = await this.#store.list(PODS, namespace === undefined ? {} : { namespace });
    const pods = items as readonly Pod[];
    return pods.filter((pod) => pod.metadata.ownerReferences?.some((reference) => reference.uid === uid));
  }

  async #create(
    owner: KubeObject,
    name: string,
    template: PodTemplate,
    spec: PodSpec,
    labels: Labels,
    address: string,
  ): Promise<void> {
    const { namespace = 'default', uid = '' } = owner.metadata;
    const addressOwner = `${namespace}/${address}`;
    const mapping = new Map<number, number>();
    for (const { containerPort } of spec.containers.flatMap((container) => container.ports ?? [])) {
      const { port } = await this.#addresses.endpoint(addressOwner, containerPort);
      mapping.set(containerPort, port);
    }
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace,
        labels: { ...template.metadata?.labels, ...labels },
        annotations: { ...template.metadata?.annotations, [ADDRESS_OWNER]: addressOwner },
        ownerReferences: [
          {
            apiVersion: owner.apiVersion,
            kind: owner.kind,
            name: owner.metadata.name,
            uid,
            controller: true,
          },
        ],
      },
      spec: withPorts(spec, mapping),
    };
    await this.#store.apply(pod);
  }

  async #remove(pods: readonly Pod[]): Promise<void> {
    for (const { metadata } of pods) {
      const { name, namespace = 'default', uid } = metadata;
      await this.#store.delete({ resource: PODS, name, namespace }, uid === undefined ? {} : { uid });
    }
  }

  #refuse(object: KubeObject, refused: readonly string[]): readonly string[] {
    const message =
      refused.length === 0 ? '' : `npm start cannot honour ${refused.join(', ')}: no Pod is created from it`;
    this.#report(object, message);
    return refused;
  }
}

/** Writes a status; the object may have been deleted in the meantime. */
export async function reportStatus(
  store: ObjectStore,
  resource: Resource,
  object: KubeObject,
  status: object,
): Promise<void> {
  const { name, namespace = 'default' } = object.metadata;
  try {
    await store.patchStatus({ resource, name, namespace }, status);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
  }
}
