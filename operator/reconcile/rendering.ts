/**
 * The objects of one cluster, rendered again only when an input has changed: a cluster is reconciled every few seconds and
 * changes every few months. Unchanged inputs return the very same objects, so that callers can skip comparing them.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { renderObjects } from '../render/objects.ts';
import { proxyTemplate, proxyTemplateHash } from '../render/ws-proxy.ts';
import { OPTIONAL } from '../render/resources.ts';
import { type RenderContext, renderInputOf } from '../render/render-input.ts';

/** Values that differ whenever their JSON differs. */
type Plain = string | number | boolean | undefined | readonly Plain[] | { readonly [name: string]: Plain };
type Values<T> = { readonly [Name in keyof T]: Plain | Values<T[Name]> };
type PlainContext = Values<Omit<RenderContext, 'serves'>>;

/** A Pod template and its hash. */
export interface RenderedTemplate {
  readonly template: object;
  readonly hash: string;
}

export class Rendering {
  readonly #objects = new Memo<readonly KubeObject[]>();
  readonly #template = new Memo<RenderedTemplate>();

  of(cluster: OcppCluster, context: RenderContext): readonly KubeObject[] {
    return this.#objects.get(keyOf(cluster, context), () => renderObjects(cluster, context));
  }

  /** The template of the ws-proxy Pods that the spec asks for. */
  proxyTemplate(cluster: OcppCluster, context: RenderContext): RenderedTemplate {
    return this.#template.get(keyOf(cluster, context), () => {
      const input = renderInputOf(cluster, context);
      return { template: proxyTemplate(input), hash: proxyTemplateHash(input) };
    });
  }
}

/** The generation stands for the spec; besides it, renderers read only the name of the cluster. Undefined: it is not known. */
function keyOf({ metadata: { uid, generation } }: OcppCluster, context: RenderContext): string | undefined {
  const { serves = () => false, ...rest } = context;
  const plain: PlainContext = rest;
  return generation === undefined
    ? undefined
    : JSON.stringify([uid, generation, plain, OPTIONAL.map(serves)]);
}

class Memo<T> {
  #key: string | undefined;
  #value: T | undefined;

  get(key: string | undefined, make: () => T): T {
    if (this.#value === undefined || key === undefined || key !== this.#key) {
      this.#value = make();
      this.#key = key;
    }
    return this.#value;
  }
}
