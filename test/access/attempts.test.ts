/** Slowed guesses: what counts for whom, how long, and that nothing locks a station out. */
import test from 'ava';
import { type Attempt, Attempts, type AttemptsError } from '../../services/access/attempts.ts';

function guesses() {
  let now = 1e12;
  const attempts = new Attempts({ now: () => now });
  /** The attempt, or the seconds until it may begin. */
  const begin = (identity: string, address: string, isGuessable = false): Attempt | number => {
    try {
      const attempt = attempts.begin(identity, address);
      if (isGuessable) attempt.countForIdentity();
      return attempt;
    } catch (error) {
      return (error as AttemptsError).seconds;
    }
  };
  /** How many of so many attempts, one each `ms`, were not slowed; all of them fail. */
  const fail = (identity: string, address: string, count: number, ms = 10, isGuessable = false) => {
    let made = 0;
    for (let i = 0; i < count; i++, now += ms)
      if (typeof begin(identity, address, isGuessable) !== 'number') made += 1;
    return made;
  };
  const wait = (identity: string, address: string, isGuessable = false) => {
    const attempt = begin(identity, address, isGuessable);
    if (typeof attempt === 'number') return attempt;
    attempt.restore();
    return 0;
  };
  return { attempts, begin, fail, wait, pass: (ms: number) => (now += ms) };
}

test('guesses of one station from one address: five at once, then one in ten seconds', (t) => {
  const { fail, pass } = guesses();
  t.is(fail('CP-1', '192.0.2.1', 100), 5);
  pass(60_000);
  t.is(fail('CP-1', '192.0.2.1', 100), 5);
});

test('guesses at the same time are limited too, and the wait stays below ten seconds', (t) => {
  const { begin } = guesses();
  const all = Array.from({ length: 1000 }, () => begin('CP-1', '192.0.2.1'));
  t.is(all.filter((one) => typeof one !== 'number').length, 5);
  t.deepEqual(new Set(all.filter((one) => typeof one === 'number')), new Set([10]));
});

test('what did not fail is restored, once', (t) => {
  const { begin, fail } = guesses();
  for (let i = 0; i < 100; i++) {
    const attempt = begin('CP-1', '192.0.2.1', true);
    t.not(typeof attempt, 'number');
    for (let twice = 0; twice < 2; twice++) if (typeof attempt !== 'number') attempt.restore();
  }
  t.is(fail('CP-1', '192.0.2.1', 100), 5);
});

test('a clock that is set back does not lengthen the wait', (t) => {
  const { fail, wait, pass } = guesses();
  fail('CP-1', '192.0.2.1', 5);
  pass(-86_400_000);
  t.is(wait('CP-1', '192.0.2.1'), 10);
  pass(10_000);
  t.is(wait('CP-1', '192.0.2.1'), 0);
});

test('guesses of one station from many addresses are slowed, and do not lock out the station itself', (t) => {
  const { attempts, fail, wait, pass } = guesses();
  attempts.succeeded('CP-1', '198.51.100.7');
  let made = 0;
  for (let i = 0; i < 100; i++) made += fail('CP-1', `192.0.2.${i}`, 1, 10, true);
  t.is(made, 20);
  t.is(wait('CP-1', '198.51.100.7', true), 0);
  t.is(wait('CP-1', '203.0.113.1', true), 10);
  pass(10_000);
  t.is(wait('CP-1', '203.0.113.1', true), 0);
});

test('a station with a random password is not locked out from a new address by guesses from elsewhere', (t) => {
  const { fail, wait } = guesses();
  for (let i = 0; i < 100; i++) fail('CP-1', `192.0.2.${i}`, 10);
  t.is(wait('CP-1', '203.0.113.1'), 0);
});

test('guesses of many stations from one address are slowed; those of its stations that authenticated are not (case 38)', (t) => {
  const { attempts, begin, fail, wait } = guesses();
  for (let i = 0; i < 200; i++) attempts.succeeded(`CP-${i}`, '192.0.2.1');
  let made = 0;
  for (let i = 0; i < 5000; i++) made += fail(`guess-${i}`, '192.0.2.1', 1, 1);
  t.true(made >= 2500 && made <= 2525, `${made} guesses`);
  const waits = Array.from({ length: 10 }, (_, i) => begin(`another-${i}`, '192.0.2.1'));
  t.is(waits.at(-1), 1, 'one more is possible within a second');
  for (let i = 0; i < 200; i++) t.is(wait(`CP-${i}`, '192.0.2.1'), 0);
  t.is(fail('CP-7', '192.0.2.1', 100), 5, 'a wrong password of one of them');
  t.is(wait('CP-8', '192.0.2.1'), 0);
});

test('200 stations behind one address that all fail at once are not slowed at first (case 38)', (t) => {
  const { fail } = guesses();
  let made = 0;
  for (let i = 0; i < 200; i++) made += fail(`CP-${i}`, '192.0.2.1', 2, 1);
  t.is(made, 400);
});

test('an IPv6 client with a whole network is one address, however its addresses are written', (t) => {
  const { fail } = guesses();
  const addressOf = (i: number) =>
    i % 2 === 0 ? `2001:db8::${i.toString(16)}` : `2001:db8:0:0:${i.toString(16)}::`;
  let made = 0;
  for (let i = 0; i < 5000; i++) made += fail(`guess-${i}`, addressOf(i), 1, 1);
  t.true(made <= 2525, `${made} guesses`);
  made = 0;
  for (let i = 0; i < 10; i++) made += fail('CP-1', `2001:db8:7::${i}`, 1);
  t.is(made, 5);
});
