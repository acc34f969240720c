/** What stations can cause in a log is bounded, also by handlers, whose messages are those of any code. */
import test from 'ava';
import { handlerLog } from '../../services/runtime/quiet-log.ts';
import { memoryLog } from '../support/memory-log.ts';

test('a handler warns of each station once in an interval, and of a mistake once for each action', (t) => {
  const log = memoryLog();
  let now = 0;
  const quiet = handlerLog(log, { now: () => now });
  for (let i = 0; i < 50; i += 1)
    for (const stationId of ['CP-1', 'CP-2']) {
      quiet.warn({ stationId, connector: i }, 'no such connector');
      quiet.error({ stationId, action: 'Authorize' }, 'handler failed');
      quiet.debug({ stationId }, 'seen');
    }
  now = 10_000;
  quiet.error({ stationId: 'CP-3', action: 'Authorize' }, 'handler failed');
  const loud = log.lines.filter(({ level }) => level !== 'debug');
  t.deepEqual(
    loud.map(({ level, fields }) => [level, fields]),
    [
      ['warn', { stationId: 'CP-1', connector: 0 }],
      ['error', { stationId: 'CP-1', action: 'Authorize' }],
      ['warn', { stationId: 'CP-2', connector: 0 }],
      ['error', { stationId: 'CP-3', action: 'Authorize', suppressed: 99 }],
    ],
  );
  t.is(log.lines.length - loud.length, 100, 'the level debug has all');
});
