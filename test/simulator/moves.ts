/**
 * How connections ended and stations came back, second by second: what a rollout is judged by. A *move* is a close with code 1012,
 * with which a server asks the station to reconnect; every other end of a connection is a drop.
 */

const SERVICE_RESTART = 1012;

interface OneStation {
  moves: number;
  drops: number;
  /** ms by the clock of the caller: when it was closed last, until it gets a response. */
  closedAt: number | undefined;
  /** Until it connects. */
  isAway: boolean;
}

/** Times are ms of one clock. */
export class Moves {
  readonly #startedAt: number;
  readonly #stations = new Map<string, OneStation>();
  /** By whole second since the start. */
  readonly #closes: number[] = [];
  readonly #returns: number[] = [];
  readonly #gaps: number[] = [];

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  closed(identity: string, code: number, at: number): void {
    const one = this.#of(identity);
    if (code === SERVICE_RESTART) {
      one.moves++;
      count(this.#closes, at - this.#startedAt);
    } else one.drops++;
    one.closedAt = at;
    one.isAway = true;
  }

  returned(identity: string, at: number): void {
    const one = this.#of(identity);
    if (!one.isAway) return;
    one.isAway = false;
    count(this.#returns, at - this.#startedAt);
  }

  answered(identity: string, at: number): void {
    const one = this.#stations.get(identity);
    if (one?.closedAt === undefined || one.isAway) return;
    this.#gaps.push(at - one.closedAt);
    one.closedAt = undefined;
  }

  /** Between two readings, see movesBetween. */
  reading(): MovesReading {
    const stations = new Map(
      [...this.#stations].map(([identity, { moves, drops }]) => [identity, { moves, drops }]),
    );
    const away = [...this.#stations.values()].filter(({ isAway }) => isAway).length;
    return { stations, away, closes: [...this.#closes], returns: [...this.#returns], gaps: [...this.#gaps] };
  }

  #of(identity: string): OneStation {
    const known = this.#stations.get(identity);
    if (known !== undefined) return known;
    const fresh: OneStation = { moves: 0, drops: 0, closedAt: undefined, isAway: false };
    this.#stations.set(identity, fresh);
    return fresh;
  }
}

function count(seconds: number[], milliseconds: number): void {
  const second = Math.max(0, Math.floor(milliseconds / 1000));
  while (seconds.length <= second) seconds.push(0);
  seconds[second] = (seconds[second] ?? 0) + 1;
}

export interface MovesReading {
  readonly stations: ReadonlyMap<string, { readonly moves: number; readonly drops: number }>;
  /** Stations that were closed and have not connected again. */
  readonly away: number;
  /** By whole second since the start: moves, and stations that came back. */
  readonly closes: readonly number[];
  readonly returns: readonly number[];
  /** From each close to the next response to that station, in this order; ms. */
  readonly gaps: readonly number[];
}

export interface MovesFigures {
  readonly moves: number;
  readonly moved: number;
  readonly movedAgain: number;
  readonly mostOfOneStation: number;
  readonly drops: number;
  readonly dropped: number;
  /** Stations whose connection ended more than once, however it ended. */
  readonly endedAgain: number;
  readonly away: number;
  readonly peakClosesPerSecond: number;
  readonly peakReturnsPerSecond: number;
  readonly gapSeconds: { readonly p50: number; readonly p99: number };
}

/** What happened from one reading to a later one. */
export function movesBetween(before: MovesReading, after: MovesReading): MovesFigures {
  const each = [...after.stations].map(([identity, { moves, drops }]) => {
    const was = before.stations.get(identity) ?? { moves: 0, drops: 0 };
    return { moves: moves - was.moves, drops: drops - was.drops };
  });
  const gaps = after.gaps.slice(before.gaps.length).sort((a, b) => a - b);
  const gap = (share: number) => Math.round(gaps[Math.ceil(gaps.length * share) - 1] ?? 0) / 1000;
  const sum = (name: 'moves' | 'drops') => each.reduce((total, one) => total + one[name], 0);
  return {
    moves: sum('moves'),
    moved: each.filter(({ moves }) => moves > 0).length,
    movedAgain: each.filter(({ moves }) => moves > 1).length,
    mostOfOneStation: Math.max(0, ...each.map(({ moves }) => moves)),
    drops: sum('drops'),
    dropped: each.filter(({ drops }) => drops > 0).length,
    endedAgain: each.filter(({ moves, drops }) => moves + drops > 1).length,
    away: after.away,
    peakClosesPerSecond: peak(before.closes, after.closes),
    peakReturnsPerSecond: peak(before.returns, after.returns),
    gapSeconds: { p50: gap(0.5), p99: gap(0.99) },
  };
}

function peak(before: readonly number[], after: readonly number[]): number {
  return Math.max(0, ...after.map((many, second) => many - (before[second] ?? 0)));
}
