/**
 * The audit of commands and changes, in the stream `audit`. Each has two entries under the id of its request. The first is stored
 * before anything is done, so that no command is without a trace when the process dies; without it nothing is done. An entry of
 * a stream cannot change, so the result is a second one. If that one cannot be stored, the response still has the
 * result: what was done is done. Payloads, queries and access tokens are never part of it.
 */
import type { Listing, StreamEntry } from '../client/cluster-client.ts';
import type { Caller } from './access/access-tokens.ts';
import { Problem } from './problems.ts';

/** The stream, as the client offers it. */
export interface AuditStream {
  append(fields: Readonly<Record<string, string>>): Promise<void>;
  list(): Listing<StreamEntry>;
}

/** A command or change of a request. */
export interface Audited {
  readonly request: string;
  readonly caller: Caller;
  readonly method: string;
  readonly path: string;
  readonly station?: string;
  readonly action?: string;
  readonly command?: string;
}

export interface Audit {
  /** Before anything is done. Rejects with `store-unavailable`, and then nothing may be done. */
  begin(audited: Audited): Promise<void>;
  /** Never rejects. */
  end(audited: Audited, status: number): Promise<void>;
}

export function createAudit(stream: Pick<AuditStream, 'append'>, onFailure: (error: unknown) => void): Audit {
  return {
    async begin(audited) {
      try {
        await stream.append(fieldsOf(audited));
      } catch (cause) {
        onFailure(cause);
        const detail = 'nothing was done, as its entry in the audit could not be stored';
        throw new Problem('store-unavailable', detail, { cause, headers: { 'retry-after': '1' } });
      }
    },
    end: (audited, status) => stream.append({ ...fieldsOf(audited), status: `${status}` }).catch(onFailure),
  };
}

function fieldsOf({ caller, ...others }: Audited): Record<string, string> {
  const given = Object.entries(others).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(given), who: caller.name, scope: caller.scope };
}
