/** Signatures of webhooks, against the published example of Standard Webhooks. */
import test from 'ava';
import { signatureHeaders } from '../../services/runtime/webhook-signature.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** Of the libraries of github.com/standard-webhooks/standard-webhooks. */
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';

test('the published example has the published signature', (t) => {
  t.deepEqual(signatureHeaders(SECRET, ID, 1_614_265_330, '{"test": 2432232314}'), {
    'webhook-id': ID,
    'webhook-timestamp': '1614265330',
    'webhook-signature': SIGNATURE,
  });
});

const WRONG = [
  '',
  'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  'whsec_not-base64!',
  `whsec_${Buffer.alloc(23).toString('base64')}`,
  `whsec_${Buffer.alloc(65).toString('base64')}`,
];

for (const secret of WRONG) {
  test(`a secret that cannot be right is refused, and not repeated (${secret.length} characters)`, (t) => {
    const message = /^a signing secret is whsec_ and the Base64 of 24 to 64 bytes$/;
    t.throws(() => signatureHeaders(secret, ID, 1, '{}'), { instanceOf: TypeError, message });
  });
}
