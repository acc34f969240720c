/** Signatures of webhooks, against the published example of Standard Webhooks. */
import test from 'ava';
import { readSecrets, signatureHeaders } from '../../services/runtime/webhook-signature.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** Of the libraries of github.com/standard-webhooks/standard-webhooks. */
const EXAMPLE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1_614_265_330,
  body: '{"test": 2432232314}',
};
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';

test('the published example has the published signature', (t) => {
  t.deepEqual(signatureHeaders(EXAMPLE, readSecrets(SECRET)), {
    'webhook-id': EXAMPLE.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': SIGNATURE,
  });
});

test('each secret signs: a receiver with either accepts the message', (t) => {
  const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const [first, second] = signatureHeaders(EXAMPLE, readSecrets(`${other}\n${SECRET}\n`))[
    'webhook-signature'
  ].split(' ');
  t.is(second, SIGNATURE);
  t.is(first, signatureHeaders(EXAMPLE, readSecrets(other))['webhook-signature']);
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['', /1 to 5 secrets/],
  [Array.from({ length: 6 }, () => SECRET).join(' '), /1 to 5 secrets/],
  ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', /must be whsec_ and Base64/],
  ['whsec_not-base64!', /must be whsec_ and Base64/],
  [`whsec_${Buffer.alloc(23).toString('base64')}`, /24 to 64 bytes, and one has 23/],
  [`whsec_${Buffer.alloc(65).toString('base64')}`, /24 to 64 bytes, and one has 65/],
];

for (const [text, says] of WRONG) {
  test(`a secret that cannot be right is refused, and not repeated: ${says.source}, ${text.length} characters`, (t) => {
    const error = t.throws(() => readSecrets(text), { instanceOf: TypeError, message: says });
    if (text !== '') t.false(error?.message.includes(text));
  });
}
