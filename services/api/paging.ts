/** The page that a query names. */
import type { PageRequest } from '../client/cluster-client.ts';

interface Query {
  readonly limit?: number;
  readonly after?: string;
}

/** Splits a query into the request of a page and its filter. */
export function pageIn<Q extends Query>(
  query: Q,
): { readonly page: PageRequest; readonly filter: Omit<Q, keyof Query> } {
  const { limit, after, ...filter } = query;
  const page = { ...(limit !== undefined && { limit }), ...(after !== undefined && { after }) };
  return { page, filter };
}
