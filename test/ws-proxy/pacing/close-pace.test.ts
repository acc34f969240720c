/** The pace of closing: it falls while the receiving side struggles, and keeps deadlines. */
import test from 'ava';
import { assert, double, property, record } from 'fast-check';
import { closeFactor } from '../../../services/ws-proxy/pacing/close-pace.ts';

const CALM = { handshakeWait: 0, queueAge: 0, refused: 0 };

const CASES: Readonly<Record<string, readonly [Partial<typeof CALM>, number, number]>> = {
  'a calm receiving side': [{}, 0, 1],
  'a little line and queue': [{ handshakeWait: 0.9, queueAge: 1.9, refused: 0.01 }, 0, 1],
  'half of the strain of the line': [{ handshakeWait: 3.5 }, 0, 0.55],
  'a full line': [{ handshakeWait: 10 }, 0, 0.1],
  'an old queue': [{ queueAge: 60 }, 0, 0.1],
  refusals: [{ refused: 1 }, 0, 0.1],
  'the worst signal counts': [{ handshakeWait: 2, queueAge: 7 }, 0, 0.55],
  'a deadline that needs more': [{ queueAge: 60 }, 0.7, 0.7],
  'a deadline that needs less': [{ handshakeWait: 3.5 }, 0.2, 0.55],
  'a deadline that cannot be kept': [{ queueAge: 60 }, 3, 1],
  'unknown figures': [{ handshakeWait: NaN, queueAge: Infinity, refused: -1 }, NaN, 1],
};

for (const [what, [side, needed, factor]] of Object.entries(CASES)) {
  test(`pace of closing: ${what}`, (t) => {
    t.is(Math.round(closeFactor({ ...CALM, ...side }, needed) * 1000) / 1000, factor);
  });
}

const side = record({
  handshakeWait: double({ min: 0, max: 100, noNaN: true }),
  queueAge: double({ min: 0, max: 1000, noNaN: true }),
  refused: double({ min: 0, max: 1, noNaN: true }),
});

test('the factor is 0.1 to 1, keeps the deadline, and never rises with a worse figure', (t) => {
  const more = double({ min: 0, max: 10, noNaN: true });
  assert(
    property(side, more, more, (one, needed, worse) => {
      const factor = closeFactor(one, needed);
      const inBounds = factor >= 0.1 && factor <= 1 && factor >= Math.min(1, needed);
      const never = Object.entries(one).every(
        ([name, value]) => closeFactor({ ...one, [name]: value + worse }, needed) <= factor,
      );
      return inBounds && never;
    }),
  );
  t.pass();
});
