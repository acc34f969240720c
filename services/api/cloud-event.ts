/** Events of the network as CloudEvents 1.0. `source` and `id` together name an event; the id is its cursor. */
import type { Static } from 'typebox';
import type { NetworkEvent } from '../client/cluster-client.ts';
import type { CloudEvent as Schema } from './schemas/streams.ts';

export type CloudEvent = Static<typeof Schema>;

const TYPES = 'ocpp.';

export function cloudEventOf({ id, at, type, station, fields }: NetworkEvent, source: string): CloudEvent {
  return cloudEvent({
    id,
    source,
    type,
    time: at,
    data: fields,
    ...(station !== '' && { subject: station }),
  });
}

export function cloudEvent({
  type,
  ...event
}: Pick<CloudEvent, 'id' | 'source' | 'type' | 'time' | 'data' | 'subject'>): CloudEvent {
  return { specversion: '1.0', type: `${TYPES}${type}`, datacontenttype: 'application/json', ...event };
}

/** @param url of the OcppCluster object: its last part is the name of the cluster */
export function sourceOf(url: string): string {
  const name = url === '' ? '' : (URL.parse(url)?.pathname.split('/').at(-1) ?? '');
  return name === '' ? '/ocpp' : `/ocpp/${name}`;
}
