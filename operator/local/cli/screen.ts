/** Where `npm start` writes: a board that is repainted in place (board.ts), plain lines, or JSON (lines.ts). */
import type { Access } from './access.ts';
import type { ClusterState } from './state.ts';

export interface Screen {
  /** Lines that stay. */
  say(lines: readonly string[]): void;
  /** A line that stays, with the time of day. @param at ms since 1970; default: now */
  note(text: string, at?: number): void;
  /** A Kubernetes Event. */
  event(event: ClusterEvent): void;
  /** A cluster has become ready, or its addresses may have changed. */
  access(access: Access): void;
  /** The state now. */
  show(states: readonly ClusterState[]): void;
  /** Shows no state from here on. */
  end(): void;
}

export interface ClusterEvent {
  /** When it happened, RFC 3339: an Event that repeats is written later. */
  readonly time: string;
  readonly cluster: string;
  readonly warning: boolean;
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
}

export interface Output {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  /** The size has changed. */
  on?(event: 'resize', listener: () => void): unknown;
}

export const timeOfDay = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);
export const eventLine = ({ cluster, reason, message }: ClusterEvent): string =>
  `${cluster}: ${reason}: ${message}`;
