/** Dead letters and unreadable texts, as a person reads them. */
import { TransportError } from '../transport/errors.ts';
import { readRequest } from '../transport/redis/queue/envelope.ts';
import { type DeadLetter, mayRepeat } from '../transport/redis/dead-letters/dead-letters.ts';
import type { StoredEntry, StoredLists } from '../transport/stored-lists.ts';
import type { DeadLetterList, DeadLetterView, UnreadableList, UnreadableView } from './cluster-client.ts';
import { known } from './stations.ts';
import { checkId, streamListing, timeOfId } from './streams.ts';

const DEAD_LETTERS = 'dead-letters';
const UNREADABLE = 'unreadable';

/** What only the store can do with a dead letter. */
export interface DeadLetterPort {
  /** Rejects with `no-dead-letter`, `bad-envelope`. */
  replay(id: string): Promise<void>;
}

/** @param port omitted where messages are dropped, and none becomes a dead letter */
export function createDeadLetters(lists: StoredLists, port: DeadLetterPort | undefined): DeadLetterList {
  const find = async (id: string) => {
    const [entry] = await lists.entries(DEAD_LETTERS, { after: before(checkId(id)), limit: 1 });
    return entry?.id === id ? entry : undefined;
  };
  const noLetter = (id: string) =>
    new TransportError('no-dead-letter', `there is no dead letter ${id} (any more)`);
  return {
    list: () => streamListing(lists, { stream: DEAD_LETTERS, item: (entry) => viewOf(letterOf(entry)) }),
    async get(id) {
      const entry = await find(id);
      if (entry === undefined) return undefined;
      const letter = letterOf(entry);
      return { ...viewOf(letter), entry: letter.entry };
    },
    async replay(id) {
      if (port === undefined) throw noLetter(id);
      await port.replay(checkId(id));
    },
    async drop(id) {
      if (!(await lists.dropEntry(DEAD_LETTERS, checkId(id)))) throw noLetter(id);
    },
  };
}

export function createUnreadable(lists: StoredLists): UnreadableList {
  return {
    list: (filter = {}) =>
      streamListing(lists, { stream: UNREADABLE, item: (entry) => textOf(entry, filter.station) }),
    async drop(id) {
      if (await lists.dropEntry(UNREADABLE, checkId(id))) return;
      throw new TransportError('no-unreadable-text', `there is no unreadable text ${id} (any more)`);
    },
  };
}

/** The id before it: an exclusive bound that includes it. */
function before(id: string): string {
  const [ms = 0, number = 0] = id.split('-').map(Number);
  return number > 0 ? `${ms}-${number - 1}` : `${Math.max(0, ms - 1)}-${Number.MAX_SAFE_INTEGER}`;
}

function letterOf({ id, fields }: StoredEntry): DeadLetter {
  const { reason = '', deliveries, entry = '' } = fields;
  return { id, at: Number(id.split('-')[0]), reason, deliveries: Number(deliveries ?? 0), entry };
}

function viewOf(letter: DeadLetter): DeadLetterView {
  const { id, reason, deliveries, entry } = letter;
  const read = readRequest(entry);
  const view = { id, at: timeOfId(id), reason, deliveries, mayRepeat: mayRepeat(letter, Date.now()) };
  if (!read.ok) return view;
  const { stationId, receivedAt, protocol, frame } = read.request;
  const action = 'action' in frame ? frame.action : undefined;
  return {
    ...view,
    station: stationId,
    protocol,
    ...known({ action }),
    messageId: frame.id,
    receivedAt: new Date(receivedAt).toISOString(),
  };
}

function textOf({ id, fields }: StoredEntry, wanted: string | undefined): UnreadableView | undefined {
  const { station = '', protocol = '', reason = '', text = '' } = fields;
  if (wanted !== undefined && station !== wanted) return undefined;
  return { id, at: timeOfId(id), station, protocol, reason, text };
}
