/** What a rollout is judged by has to be counted rightly: moves of each station, gaps, and peaks of one second. */
import test from 'ava';
import { Moves, movesBetween } from './moves.ts';

const nothing = new Moves(0).reading();

test('a move is a close with 1012, everything else is a drop; each counts for its station', (t) => {
  const moves = new Moves(0);
  for (const [station, code] of [
    ['A', 1012],
    ['A', 1012],
    ['B', 1012],
    ['B', 1006],
    ['C', 1001],
  ] as const) {
    moves.closed(station, code, 100);
    moves.returned(station, 200);
  }
  t.like(movesBetween(nothing, moves.reading()), {
    moves: 3,
    moved: 2,
    movedAgain: 1,
    mostOfOneStation: 2,
    drops: 2,
    dropped: 2,
    endedAgain: 2,
    away: 0,
  });
});

test('the gap ends with the first response on the next connection, not with the connection', (t) => {
  const moves = new Moves(0);
  moves.closed('A', 1012, 1000);
  moves.answered('A', 1500);
  moves.returned('A', 3000);
  moves.answered('A', 5000);
  moves.answered('A', 9000);
  moves.closed('B', 1012, 1000);
  const figures = movesBetween(nothing, moves.reading());
  t.deepEqual(figures.gapSeconds, { p50: 4, p99: 4 });
  t.is(figures.away, 1);
});

test('peaks are of whole seconds, and of the time between two readings only', (t) => {
  const moves = new Moves(10_000);
  const close = (many: number, at: number) => {
    for (let i = 0; i < many; i++) {
      moves.closed(`S${i}`, 1012, at);
      moves.returned(`S${i}`, at + 1000);
    }
  };
  close(9, 10_500);
  const before = moves.reading();
  close(3, 12_900);
  close(4, 13_100);
  const figures = movesBetween(before, moves.reading());
  t.is(figures.peakClosesPerSecond, 4);
  t.is(figures.peakReturnsPerSecond, 4);
  t.is(figures.moves, 7);
  t.is(figures.moved, 4);
});

test('a first connection is no return', (t) => {
  const moves = new Moves(0);
  moves.returned('A', 10);
  moves.answered('A', 20);
  t.like(movesBetween(nothing, moves.reading()), { peakReturnsPerSecond: 0, gapSeconds: { p50: 0, p99: 0 } });
});
