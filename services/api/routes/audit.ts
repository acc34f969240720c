/** Who changed what. */
import type { AuditEntry } from '../../client/cluster-client.ts';
import { ok, operation } from '../operation.ts';
import { paging, parameters } from '../schemas/schema.ts';
import * as schemas from '../schemas/streams.ts';
import type { Parts } from './parts.ts';

export const auditOperations = ({ client }: Parts) => [
  operation({
    id: 'listAudit',
    method: 'GET',
    url: '/v1/audit',
    summary: 'Commands and changes, the newest first: about the last 100 000 entries.',
    tag: 'audit',
    scope: 'admin',
    takes: { query: parameters(paging) },
    answers: { 200: schemas.AuditPage },
    async handle({ query }) {
      const { items, ...page } = await client.audit.list().page(query);
      return ok({ items: items.map(shown), ...page });
    },
  }),
];

function shown({ id, at, fields: { status, ...fields } }: AuditEntry) {
  return { id, at, ...fields, ...(status !== undefined && { status: Number(status) }) };
}
