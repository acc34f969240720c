/**
 * Signatures of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, version 1): HMAC-SHA-256 over id, time and body.
 * The receiver checks that a request is from here, unchanged and new.
 */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** A secret has 24 to 64 bytes. */
const [SHORTEST, LONGEST] = [24, 64];

/**
 * The headers of a request.
 * @param secret `whsec_` and Base64
 * @param id of the message: the same when it is sent again
 * @param seconds when it is sent, since 1970
 * @throws TypeError for a secret that is none; the message does not have it
 */
export function signatureHeaders(
  secret: string,
  id: string,
  seconds: number,
  body: string,
): Record<string, string> {
  const signature = createHmac('sha256', keyOf(secret)).update(`${id}.${seconds}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': `${seconds}`,
    'webhook-signature': `v1,${signature}`,
  };
}

function keyOf(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const key = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || key.length < SHORTEST || key.length > LONGEST)
    throw new TypeError(`a signing secret is ${PREFIX} and the Base64 of ${SHORTEST} to ${LONGEST} bytes`);
  return key;
}
