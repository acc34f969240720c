/** The bounded streams that a proxy writes: events, unreadable texts, and recorded frames. */
import type { GatewayEvents } from '../../gateway.ts';
import { type DomainEvent, EVENTS_KEPT } from '../../stored-state.ts';
import { UnreadableQuota, type UnreadableText } from '../../unreadable.ts';
import {
  RECORDED_SECONDS,
  RecordedBound,
  type RecordedEntry,
  recordedFields,
} from '../../recorder/recorded-frames.ts';
import { unavailable } from '../connection/connection.ts';
import { keepUnreadable } from '../dead-letters/keep-unreadable.ts';
import type { Membership } from '../lease/membership.ts';
import type { NotedRefusal } from '../../watch/refused-handshakes.ts';
import { noteRefusals } from '../session/note-refusals.ts';
import { eventTexts } from './writes.ts';

/** What a proxy stores beside its frames. Errors are reported, and nothing is retried. */
export class RedisGatewayEvents implements GatewayEvents {
  readonly #member: Membership;
  readonly #report: (error: Error) => void;
  /** Part of each station's quota that this proxy has used: a flood of garbage is no load on Redis. */
  readonly #unreadable = new UnreadableQuota();
  readonly #recorded = new RecordedBound();

  constructor(member: Membership, report: (error: Error) => void) {
    this.#member = member;
    this.#report = report;
  }

  emit(event: DomainEvent): void {
    const { commands, keys } = this.#member;
    const added = commands.xadd(keys.events, 'MAXLEN', '~', EVENTS_KEPT, '*', ...eventTexts(event));
    added.catch((error: unknown) => this.#failed(error));
  }

  keepUnreadable(text: UnreadableText): void {
    if (!this.#unreadable.take(text.stationId, text.at)) return;
    const { commands, keys } = this.#member;
    keepUnreadable(commands, keys, text).catch((error: unknown) => this.#failed(error));
  }

  noteRefused(refusals: readonly NotedRefusal[]): void {
    const { commands, keys, healthy } = this.#member;
    // Commands that wait for Redis would pile up.
    if (healthy) noteRefusals(commands, keys, refusals).catch((error: unknown) => this.#failed(error));
  }

  async recordFrames(entries: readonly RecordedEntry[]): Promise<void> {
    const { commands, keys, addr } = this.#member;
    const kept = this.#recorded.with(entries);
    const pipeline = commands.pipeline();
    for (const entry of entries) {
      pipeline.xadd(keys.recorded, 'MAXLEN', '~', kept, '*', ...Object.entries(recordedFields(entry)).flat());
    }
    pipeline.expire(keys.recorded, RECORDED_SECONDS);
    const replies = await pipeline.exec().catch((error: unknown) => [[error]] as const);
    const failure = replies?.find(([error]) => error !== null);
    if (failure !== undefined) throw unavailable(addr, failure[0]);
  }

  #failed(error: unknown): void {
    this.#report(unavailable(this.#member.addr, error));
  }
}
