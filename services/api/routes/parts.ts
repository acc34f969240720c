/** What the operations of the API work with. */
import type { ClusterClient } from '../../client/cluster-client.ts';
import type { Broadcasts } from '../broadcasts/broadcasts.ts';
import type { ClusterReading } from '../cluster-object.ts';
import type { Streams } from '../sse.ts';

export interface Parts {
  readonly client: ClusterClient;
  readonly broadcasts: Broadcasts;
  readonly streams: Streams;
  readonly version: string;
  readonly readCluster: () => Promise<ClusterReading>;
}
