/** Stored state in this process, with the events and unreadable texts of its gateways. */
import type { Clock } from '../../runtime/clock.ts';
import type { GatewayEvents } from '../gateway.ts';
import { BUSINESS_KEY_SECONDS } from '../outcome.ts';
import { byScore, type StoredEntry } from '../stored-lists.ts';
import {
  type Amendment,
  type DomainEvent,
  EVENTS_KEPT,
  EXCESS,
  type Expectation,
  type Member,
  type StateStore,
  type StateWrite,
  type StreamSize,
} from '../stored-state.ts';
import { RECORDED, RecordedBound, type RecordedEntry, recordedFields } from '../recorder/recorded-frames.ts';
import { MemoryLists } from './lists.ts';
import {
  UNREADABLE_KEPT,
  UNREADABLE_QUOTA,
  UNREADABLE_QUOTA_SECONDS,
  type UnreadableText,
} from '../unreadable.ts';

/** As in redis/queue/acknowledge.lua. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.?\d*Z$/;

interface StoredRecord {
  readonly fields: Map<string, string>;
  expiresAt: number;
}

export class MemoryState implements StateStore, Omit<GatewayEvents, 'noteRefused'> {
  readonly #clock: Clock;
  readonly #records = new Map<string, StoredRecord>();
  readonly lists: MemoryLists;
  readonly #streams = new Map<string, StoredEntry[]>();
  /** Entries that were ever appended, by stream. */
  readonly #appended = new Map<string, number>();
  readonly #counters = new Map<string, number>();
  readonly #sorted = new Map<string, Map<string, number>>();
  readonly #quotas = new Map<string, { count: number; readonly endsAt: number }>();
  readonly #recorded = new RecordedBound();
  readonly #answered = new Map<string, { readonly payload: string; readonly expiresAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.lists = new MemoryLists({
      stream: (key) => this.#streams.get(key) ?? [],
      appended: (key) => this.#appended.get(key) ?? 0,
      record: (key) => this.#live(key)?.fields,
      sorted: (key) => this.#sorted.get(key),
      drop: (key, id) => this.#drop(key, id),
      append: (key, fields) => this.#append(key, fields, undefined),
    });
  }

  async record(key: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = this.#live(key);
    return found && Object.fromEntries(found.fields);
  }

  async field(key: string, field: string): Promise<string | undefined> {
    return this.#live(key)?.fields.get(field);
  }

  async fields(key: string, names: readonly string[]): Promise<Readonly<Record<string, string>> | undefined> {
    const stored = this.#live(key)?.fields;
    const found: Record<string, string> = {};
    let any = false;
    for (const name of names) {
      const value = stored?.get(name);
      if (value === undefined) continue;
      found[name] = value;
      any = true;
    }
    return any ? found : undefined;
  }

  async reserve(counter: string, count: number, floor: number): Promise<number> {
    const first = Math.max(this.#counters.get(counter) ?? 1, floor);
    this.#counters.set(counter, first + count);
    return first;
  }

  async members(key: string, max: number, limit: number, offset = 0): Promise<readonly Member[]> {
    const found = [...(this.#sorted.get(key) ?? [])].map(([member, score]) => ({ member, score }));
    const wanted = found.filter(({ score }) => score <= max).sort(byScore);
    return wanted.slice(offset, offset + limit);
  }

  async size(key: string): Promise<number> {
    return this.#sorted.get(key)?.size ?? 0;
  }

  async streamSize(key: string): Promise<StreamSize> {
    const stream = this.#streams.get(key) ?? [];
    const [oldest] = stream;
    return { length: stream.length, oldestAt: oldest && Number(oldest.id.split('-')[0]) };
  }

  async memoryShare(): Promise<undefined> {
    return undefined;
  }

  async amend({ expected, writes, events }: Amendment): Promise<boolean> {
    if (expected !== undefined) {
      const { key, field, value } = expected;
      if (this.#live(key)?.fields.get(field) !== value) return false;
    }
    for (const write of writes) this.apply(write);
    for (const event of events) this.emit(event);
    return true;
  }

  /** The rule of redis/queue/acknowledge.lua. */
  isExpected({ key, fields, earlier }: Expectation): boolean {
    const stored = this.#live(key)?.fields;
    if (Object.entries(fields).some(([name, value]) => (stored?.get(name) ?? '') !== value)) return false;
    if (earlier === undefined) return true;
    const { field, from, before } = earlier;
    const value = stored?.get(field) ?? '';
    return value.length === before.length && TIME.test(value) && value >= from && value < before;
  }

  keepUnreadable({ stationId, protocol, epoch, reason, text, quota: name }: UnreadableText): void {
    const now = this.#clock.now();
    const quotaKey = `${stationId}\n${name ?? ''}`;
    const before = this.#quotas.get(quotaKey);
    const quota =
      before !== undefined && before.endsAt > now
        ? before
        : { count: 0, endsAt: now + UNREADABLE_QUOTA_SECONDS * 1000 };
    this.#quotas.set(quotaKey, quota);
    if (++quota.count > UNREADABLE_QUOTA) return;
    const fields = { station: stationId, protocol, connection: `${epoch}`, reason, text };
    this.#append('unreadable', fields, UNREADABLE_KEPT);
  }

  async recordFrames(entries: readonly RecordedEntry[]): Promise<void> {
    const kept = this.#recorded.with(entries);
    for (const entry of entries) this.#append(RECORDED, recordedFields(entry), kept);
  }

  /** Entries of a stream, oldest first. */
  stream(key: string): readonly Readonly<Record<string, string>>[] {
    return (this.#streams.get(key) ?? []).map(({ fields }) => fields);
  }

  apply(write: StateWrite): void {
    switch (write.kind) {
      case 'set': {
        const stored = this.#live(write.key) ?? { fields: new Map<string, string>(), expiresAt: Infinity };
        const { newerBy, fields, existing } = write;
        if (existing === true && this.#live(write.key) === undefined) return;
        if (newerBy !== undefined && (stored.fields.get(newerBy) ?? '') > (fields[newerBy] ?? '')) return;
        for (const [name, value] of Object.entries(fields)) stored.fields.set(name, value);
        if (write.expireSeconds !== undefined) {
          stored.expiresAt = this.#clock.now() + write.expireSeconds * 1000;
        }
        this.#records.set(write.key, stored);
        return;
      }
      case 'unset':
        this.#unset(write.key, write.names);
        return;
      case 'delete':
        this.#records.delete(write.key);
        this.#sorted.delete(write.key);
        return;
      case 'add':
        this.#sortedSet(write.key).set(write.member, write.score);
        return;
      case 'remove':
        this.#removeMember(write.key, write.member);
        return;
      case 'forget':
        this.#answered.delete(write.businessKey);
        return;
      default:
        this.#append(write.key, write.fields, write.maxLength, write.keepsExcess);
    }
  }

  emit({ type, stationId, fields }: DomainEvent): void {
    this.#append('events', { type, stationId, ...fields }, EVENTS_KEPT);
  }

  /** Stores the payload (JSON) of an answer under a business key. */
  remember(businessKey: string, payload: string, seconds: number = BUSINESS_KEY_SECONDS): void {
    const expiresAt = this.#clock.now() + seconds * 1000;
    this.#answered.set(businessKey, { payload, expiresAt });
  }

  replay(businessKey: string): string | undefined {
    const found = this.#answered.get(businessKey);
    return found !== undefined && found.expiresAt > this.#clock.now() ? found.payload : undefined;
  }

  /** Drops expired entries, also those that are never read again. */
  sweep(): void {
    const now = this.#clock.now();
    for (const [key, { expiresAt }] of this.#answered) if (expiresAt <= now) this.#answered.delete(key);
    for (const key of this.#records.keys()) this.#live(key);
    for (const [station, { endsAt }] of this.#quotas) if (endsAt <= now) this.#quotas.delete(station);
  }

  #unset(key: string, names: readonly string[]): void {
    const stored = this.#live(key);
    for (const name of names) stored?.fields.delete(name);
    if (stored?.fields.size === 0) this.#records.delete(key);
  }

  #sortedSet(key: string): Map<string, number> {
    const known = this.#sorted.get(key) ?? new Map<string, number>();
    this.#sorted.set(key, known);
    return known;
  }

  #removeMember(key: string, member: string): void {
    const set = this.#sorted.get(key);
    set?.delete(member);
    if (set?.size === 0) this.#sorted.delete(key);
  }

  #append(
    key: string,
    fields: Readonly<Record<string, string>>,
    maxLength = Infinity,
    keepsExcess = false,
  ): void {
    const stream = this.#streams.get(key) ?? [];
    const isKept = keepsExcess && stream.length > maxLength + EXCESS;
    const slack = keepsExcess ? EXCESS / 10 : maxLength * 0.1 + 10;
    const appended = (this.#appended.get(key) ?? 0) + 1;
    // The number of the entry keeps ids unique and rising, whatever the clock does within a millisecond.
    const before = Number(stream.at(-1)?.id.split('-')[0] ?? 0);
    stream.push({ id: `${Math.max(before, this.#clock.now())}-${appended}`, fields: { ...fields } });
    this.#appended.set(key, appended);
    // Trimmed in chunks, as Redis does with MAXLEN ~: shifting a long array per entry would be slow.
    if (!isKept && stream.length > maxLength + slack) stream.splice(0, stream.length - maxLength);
    this.#streams.set(key, stream);
    this.lists.appended(key);
  }

  #drop(key: string, id: string): boolean {
    const stream = this.#streams.get(key) ?? [];
    const at = stream.findIndex((entry) => entry.id === id);
    if (at >= 0) stream.splice(at, 1);
    return at >= 0;
  }

  #live(key: string): StoredRecord | undefined {
    const found = this.#records.get(key);
    if (found === undefined || found.expiresAt > this.#clock.now()) return found;
    this.#records.delete(key);
    return undefined;
  }
}
