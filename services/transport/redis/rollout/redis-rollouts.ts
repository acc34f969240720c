/**
 * The part of a rollout in Redis. Moves and gaps are gathered, and one script at a time stores them. While Redis is away they
 * wait; there are at most as many as the process had sessions, and the oldest are dropped beyond a bound.
 */
import { sleep } from '../../../runtime/clock.ts';
import type { GatewayRollouts, Move, RolloutCounts } from '../../rollout.ts';
import { unavailable } from '../connection/connection.ts';
import type { Membership } from '../lease/membership.ts';
import { openTransactions } from './open-transactions.ts';
import { recordRollout } from './record-rollout.ts';
import { rolloutReport } from './rollout-report.ts';

/** Between two scripts; ms. */
const PACE_MS = 100;
/** Moves, and gaps, in one script: keeps any one command short for the other clients of this Redis. */
const MAX_BATCH = 200;
/** Moves, and gaps, that wait. */
const MAX_WAITING = 50_000;
/** Stations in one script that reads the register of open transactions. */
const STATIONS_AT_ONCE = 500;

interface TimedMove extends Move {
  readonly rollout: string;
  /** performance.now() */
  readonly closedAt: number;
}

export class RedisRollouts implements GatewayRollouts {
  readonly #member: Membership;
  readonly #report: (error: Error) => void;
  readonly #moves: TimedMove[] = [];
  readonly #gaps: number[] = [];
  #scripts = 0;
  #storing = false;

  constructor(member: Membership, report: (error: Error) => void) {
    this.#member = member;
    this.#report = report;
  }

  /** Whether something is not stored yet. */
  get busy(): boolean {
    return this.#storing;
  }

  recordMoves(rollout: string, moves: readonly Move[]): void {
    const closedAt = performance.now();
    this.#moves.push(...moves.map((move) => ({ ...move, rollout, closedAt })));
    this.#moves.splice(0, this.#moves.length - MAX_WAITING);
    this.#store();
  }

  /** A moved station got the first response on its new connection. @param ms since its close */
  recordGap(ms: number): void {
    this.#gaps.push(ms);
    this.#gaps.splice(0, this.#gaps.length - MAX_WAITING);
    this.#store();
  }

  async report(rollout: string, missingAfterMs: number): Promise<RolloutCounts> {
    const { commands, keys, addr } = this.#member;
    return rolloutReport(commands, keys, rollout, missingAfterMs).catch((error: unknown) => {
      throw unavailable(addr, error);
    });
  }

  async charging(stationIds: readonly string[]): Promise<ReadonlySet<string>> {
    const { commands, keys, addr, healthy } = this.#member;
    if (!healthy) throw unavailable(addr, 'not connected');
    const found = new Set<string>();
    for (let i = 0; i < stationIds.length; i += STATIONS_AT_ONCE) {
      const some = stationIds.slice(i, i + STATIONS_AT_ONCE);
      for (const stationId of await openTransactions(commands, keys, some)) found.add(stationId);
    }
    return found;
  }

  #store(): void {
    if (this.#storing) return;
    this.#storing = true;
    setImmediate(() => void this.#storeAll());
  }

  async #storeAll(): Promise<void> {
    try {
      while ((this.#moves.length > 0 || this.#gaps.length > 0) && !this.#member.stopping) {
        await this.#storeSome();
        await sleep(PACE_MS);
      }
    } catch (error) {
      this.#report(unavailable(this.#member.addr, error));
    } finally {
      this.#storing = false;
    }
  }

  /** One script, with the moves of one rollout. It is sent until it is answered. */
  async #storeSome(): Promise<void> {
    const { commands, keys } = this.#member;
    const rollout = this.#moves[0]?.rollout ?? '';
    const others = this.#moves.findIndex((move) => move.rollout !== rollout);
    const moves = this.#moves.splice(0, Math.min(MAX_BATCH, others < 0 ? MAX_BATCH : others));
    const gaps = this.#gaps.splice(0, MAX_BATCH);
    const { processId } = this.#member;
    const number = ++this.#scripts;
    await this.#member.untilDone(() => {
      const now = performance.now();
      return recordRollout(commands, keys, { processId, number, rollout, moves, gaps, now });
    });
  }
}
