/**
 * The objects of one cluster, rendered again only when an input has changed: a cluster is reconciled every few seconds and
 * changes every few months. Unchanged inputs return the very same objects, so that callers can skip comparing them.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { renderObjects } from '../render/objects.ts';
import { OPTIONAL } from '../render/resources.ts';
import type { RenderContext } from '../render/render-input.ts';

/** Values that differ whenever their JSON differs. */
type Plain = string | number | boolean | undefined | readonly Plain[] | { readonly [name: string]: Plain };
type Values<T> = { readonly [Name in keyof T]: Plain | Values<T[Name]> };
type PlainContext = Values<Omit<RenderContext, 'serves'>>;

export class Rendering {
  #from: string | undefined;
  #objects: readonly KubeObject[] = [];

  of(cluster: OcppCluster, context: RenderContext): readonly KubeObject[] {
    const { uid, generation } = cluster.metadata;
    // The generation stands for the spec; besides it, renderers read only the name of the cluster.
    const { serves = () => false, ...rest } = context;
    const plain: PlainContext = rest;
    const from =
      generation === undefined ? undefined : JSON.stringify([uid, generation, plain, OPTIONAL.map(serves)]);
    if (from === undefined || from !== this.#from) {
      this.#objects = renderObjects(cluster, context);
      this.#from = from;
    }
    return this.#objects;
  }
}
