/** The bounded streams that a proxy writes: events, and unreadable texts. */
import type { GatewayEvents } from '../../gateway.ts';
import { type DomainEvent, EVENTS_KEPT } from '../../stored-state.ts';
import { UnreadableQuota, type UnreadableText } from '../../unreadable.ts';
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

  #failed(error: unknown): void {
    this.#report(unavailable(this.#member.addr, error));
  }
}
