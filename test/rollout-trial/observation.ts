/** What a clean rollout of 100 stations looks like; tests change one thing. */
import type { MovesFigures } from '../simulator/moves.ts';
import type { Observation } from './expectations.ts';

export const NO_MOVES: MovesFigures = {
  moves: 0,
  moved: 0,
  movedAgain: 0,
  mostOfOneStation: 0,
  drops: 0,
  dropped: 0,
  endedAgain: 0,
  away: 0,
  peakClosesPerSecond: 0,
  peakReturnsPerSecond: 0,
  gapSeconds: { p50: 0, p99: 0 },
};

const STATIONS = 100;

export const OBSERVATION: Observation = {
  stations: STATIONS,
  ratePerSecond: 20,
  moves: {
    ...NO_MOVES,
    moves: STATIONS,
    moved: STATIONS,
    mostOfOneStation: 1,
    peakClosesPerSecond: 20,
    peakReturnsPerSecond: 22,
    gapSeconds: { p50: 5, p99: 11 },
  },
  summary: {
    stations: STATIONS,
    connected: STATIONS,
    online: STATIONS,
    seconds: 100,
    roundTrips: 1000,
    roundTripsPerSecond: 10,
    latencyMs: { p50: 5, p90: 9, p99: 12, max: 20 },
    lost: 0,
    unsent: 0,
    duplicated: 0,
    wrong: 0,
    samples: [],
    resent: 0,
    timeouts: 0,
    late: 0,
    commands: 0,
    moves: { reconnects: STATIONS, closedBy1012: STATIONS, refused: 0, mostOfOneStation: 1 },
    transactions: { started: 200, stopped: 200 },
  },
  stream: { expected: 200, missing: 0, doubled: 0, differing: 0 },
  rollout: {
    id: 'a-1',
    phase: 'Completed',
    toSet: 'b',
    startedTime: '2026-01-01T00:00:00Z',
    phaseTime: '2026-01-01T00:05:00Z',
    moved: STATIONS,
    returned: STATIONS,
    movedAgain: 0,
    missing: 0,
    forced: 0,
    gapSeconds: { p50: 5.2, p99: 11.5 },
  },
  degraded: '',
  onlineAtEnd: STATIONS,
  heldUpSeconds: 0.01,
  sessionsOfNewPods: [52, 48],
  sessionsOfOldPods: [],
  noted: {},
};
