/**
 * The objects of one cluster, rendered anew only when something is another than the last time: a cluster is looked
 * at every few seconds and changes every few months. Who gets the same objects again need not look at them again.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { renderObjects } from '../render/objects.ts';
import { OPTIONAL } from '../render/resources.ts';
import type { RenderContext } from '../render/render-input.ts';

/** What differs has another text. */
type Plain = string | number | boolean | undefined | readonly Plain[] | { readonly [name: string]: Plain };
type PlainContext = { readonly [Name in keyof Omit<RenderContext, 'serves'>]: Plain };

export class Rendering {
  #from: string | undefined;
  #objects: readonly KubeObject[] = [];

  of(cluster: OcppCluster, context: RenderContext): readonly KubeObject[] {
    const { uid, generation } = cluster.metadata;
    // The spec changes with the generation, and renderers read nothing else of the cluster than this and its name.
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
