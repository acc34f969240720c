/** The OpenAPI document as a judge: whether an answer of the API is what it promises. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface DocumentOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<Record<string, DocumentResponse>>;
}

interface DocumentResponse {
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>;
}

export interface Reply {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** @returns throws where a reply is none that the document lists for its path */
export function createJudge(document: Document): (reply: Reply) => void {
  const ajv = new Ajv2020({ strict: false });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema(document, 'document');
  const paths = Object.entries(document.paths).map(([url, methods]) => ({
    pattern: new RegExp(`^${url.replace(/\{\w+\}/g, '[^/]+')}$`),
    methods,
  }));
  return ({ method, path, status, type, body }) => {
    const of = paths.find(({ pattern }) => pattern.test(path.split('?', 1)[0] ?? ''))?.methods;
    const responses = of?.[method.toLowerCase()]?.responses;
    if (responses === undefined) return;
    const response = responses[status];
    if (response === undefined) throw new Error(`${method} ${path}: the document has no response ${status}`);
    const ref = response.content?.[type]?.schema.$ref;
    if (ref === undefined) {
      if (body === undefined || response.content?.[type] !== undefined) return;
      throw new Error(`${method} ${path}: the document has no ${type} for ${status}`);
    }
    const validate = ajv.getSchema(`document${ref}`);
    if (validate?.(body) === true) return;
    throw new Error(`${method} ${path} ${status}: ${ajv.errorsText(validate?.errors)}`);
  };
}
