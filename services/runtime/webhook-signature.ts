/**
 * Signatures of webhooks, as Standard Webhooks 1.0.0 has them: HMAC-SHA-256 of `<id>.<timestamp>.<body>`, with a secret such as
 * `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`, which is Base64 after the prefix. Several secrets make several signatures: so a receiver
 * accepts both while a secret is being replaced.
 */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** Lengths of a secret that the specification allows; bytes. */
const [SHORTEST, LONGEST] = [24, 64];
/** Secrets at once: the new one and its predecessors. */
const MOST = 5;

export interface SignedMessage {
  /** Names the message: the same one when it is sent again. Without a full stop. */
  readonly id: string;
  /** When it is sent; s since 1970. */
  readonly timestamp: number;
  /** As it is sent, byte by byte. */
  readonly body: string;
}

/**
 * The keys in a text with one secret or several, separated by white space.
 * @throws TypeError that says what is wrong, without the text
 */
export function readSecrets(text: string): readonly Buffer[] {
  const secrets = text.split(/\s+/).filter((one) => one !== '');
  if (secrets.length === 0 || secrets.length > MOST)
    throw new TypeError(`it must hold 1 to ${MOST} secrets, separated by white space`);
  return secrets.map(readSecret);
}

function readSecret(text: string): Buffer {
  const encoded = text.slice(PREFIX.length);
  if (!text.startsWith(PREFIX) || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded))
    throw new TypeError(`a secret must be ${PREFIX} and Base64`);
  const key = Buffer.from(encoded, 'base64');
  if (key.length < SHORTEST || key.length > LONGEST)
    throw new TypeError(`a secret must have ${SHORTEST} to ${LONGEST} bytes, and one has ${key.length}`);
  return key;
}

/** The headers of a request with this message. */
export function signatureHeaders(
  { id, timestamp, body }: SignedMessage,
  keys: readonly Buffer[],
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
