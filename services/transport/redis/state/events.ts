/** The bounded stream of events, for whoever watches the network. */
import type { GatewayEvents } from '../../gateway.ts';
import type { DomainEvent } from '../../stored-state.ts';
import { UnreadableQuota, type UnreadableText } from '../../unreadable.ts';
import { unavailable } from '../connection/connection.ts';
import { escapeKey } from '../keys.ts';
import type { Membership } from '../lease/membership.ts';

/** About as many events are kept. */
export const EVENTS_KEPT = 10_000;

/** Names and values by turns. */
export function eventTexts({ type, stationId, fields }: DomainEvent): string[] {
  return ['type', type, 'stationId', stationId, ...Object.entries(fields).flat()];
}

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

  keepUnreadable({ stationId, protocol, epoch, at, reason, text }: UnreadableText): void {
    if (!this.#unreadable.take(stationId, at)) return;
    const { commands, keys } = this.#member;
    const facts = [escapeKey(stationId), stationId, protocol, epoch, reason, text];
    const kept = commands.keepUnreadable(keys.unreadable, keys.prefix, ...facts);
    kept.catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#report(unavailable(this.#member.addr, error));
  }
}
