/** What the operations of the API work with. */
import type { ClusterClient } from '../../client/cluster-client.ts';
import type { Broadcasts } from '../broadcasts/broadcasts.ts';
import type { ClusterReading } from '../cluster/cluster-object.ts';
import type { ReadHistory } from '../history/history.ts';
import type { Streams } from '../sse.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';

export interface Parts {
  readonly client: ClusterClient;
  readonly broadcasts: Broadcasts;
  readonly webhooks: Webhooks;
  readonly streams: Streams;
  /** `source` of CloudEvents. */
  readonly source: string;
  readonly version: string;
  readonly readCluster: () => Promise<ClusterReading>;
  readonly readHistory: ReadHistory;
}
