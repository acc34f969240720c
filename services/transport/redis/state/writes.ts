/** Writes and events as arguments of the scripts that include writes.lua. */
import {
  type DomainEvent,
  EVENTS_KEPT,
  EXCESS,
  type Expectation,
  type StateWrite,
} from '../../stored-state.ts';
import type { UnreadableText } from '../../unreadable.ts';
import { escapeKey, type Keys } from '../keys.ts';

export interface Writes {
  readonly writes: readonly StateWrite[];
  readonly events: readonly DomainEvent[];
  readonly unreadable?: UnreadableText;
}

/** Appends the arguments to `args`. */
export function addWrites(args: string[], keys: Keys, { writes, events, unreadable }: Writes): void {
  for (const write of writes) addWrite(args, keys, write);
  for (const event of events) addOne(args, 'append', keys.events, String(EVENTS_KEPT), eventTexts(event));
  if (unreadable !== undefined) addUnreadable(args, unreadable);
}

/** Appends the arguments to `args`, as acknowledge.lua wants them. */
export function addExpectation(args: string[], keys: Keys, expected: Expectation | undefined): void {
  if (expected === undefined) return;
  const { key, fields, earlier } = expected;
  const names = Object.keys(fields);
  // The script wants the field of `earlier` first; without one, the first field is named twice.
  const first = earlier?.field ?? names[0] ?? '';
  args.push(keys.state(key), earlier?.from ?? '', earlier?.before ?? '', `${first} ${names.join(' ')}`);
  for (const name of names) args.push(fields[name] ?? '');
}

/** Names and values by turns. */
export function eventTexts({ type, stationId, fields }: DomainEvent): string[] {
  return ['type', type, 'stationId', stationId, ...Object.entries(fields).flat()];
}

function addOne(args: string[], op: string, key: string, bound: string, texts: readonly string[]): void {
  args.push(op, key, bound, String(texts.length), ...texts);
}

function addWrite(args: string[], keys: Keys, write: StateWrite): void {
  switch (write.kind) {
    case 'forget':
      return addOne(args, 'forget', keys.answered(write.businessKey), '', []);
    case 'unset':
      return addOne(args, 'unset', keys.state(write.key), '', write.names);
    case 'delete':
      return addOne(args, 'delete', keys.state(write.key), '', []);
    case 'add':
      return addOne(args, 'add', keys.state(write.key), String(write.score), [write.member]);
    case 'remove':
      return addOne(args, 'remove', keys.state(write.key), '', [write.member]);
    case 'append': {
      const texts = Object.entries(write.fields).flat();
      const { maxLength = '', keepsExcess = false } = write;
      if (maxLength === '' || !keepsExcess)
        return addOne(args, 'append', keys.state(write.key), String(maxLength), texts);
      return addOne(args, 'append-below', keys.state(write.key), String(maxLength), [
        String(maxLength + EXCESS),
        ...texts,
      ]);
    }
    default: {
      const { newerBy, fields, expireSeconds = '', existing } = write;
      const compared = newerBy === undefined ? {} : { [newerBy]: fields[newerBy] ?? '' };
      // The compared one comes first.
      const texts = Object.entries({ ...compared, ...fields }).flat();
      const op = existing === true ? 'set-existing' : newerBy === undefined ? 'set' : 'set-newer';
      return addOne(args, op, keys.state(write.key), String(expireSeconds), texts);
    }
  }
}

function addUnreadable(args: string[], { quota, ...kept }: UnreadableText): void {
  const { stationId, protocol, epoch, reason, text } = kept;
  const name = quota === undefined ? escapeKey(stationId) : `${escapeKey(stationId)}%${quota}`;
  addOne(args, 'unreadable', name, '', [stationId, protocol, String(epoch), reason, text]);
}
