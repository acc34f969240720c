/**
 * A webhook that decides whether a station may connect: it gets identity, address, profile, and the password or the facts of the client
 * certificate. Answers are cached, so that a storm of reconnects does not ask again, for the address too: the webhook may judge by it. What
 * fails is a SourceError, which closes the door to new connections (docs/security.md).
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import { BusyError } from '../runtime/turns.ts';
import { type Webhook, WebhookError } from '../runtime/webhook.ts';
import { countedAddress } from './counted-address.ts';
import type { Lookup } from './decide.ts';
import { SourceError, type SourceRequest, type StationSource } from './station-source.ts';

export interface WebhookSourceOptions {
  readonly webhook: Pick<Webhook, 'post'>;
  /** How long an answer counts; ms, 0 for not at all. A refused one counts for a tenth. */
  readonly cacheMs: number;
  readonly clock: Clock;
}

/** Answers of each kind that are remembered. */
const REMEMBERED = 20_000;

export class WebhookSource implements StationSource {
  readonly #options: WebhookSourceOptions;
  /** Of this process: a dump of the cache does not reveal passwords. */
  readonly #key = randomBytes(32);
  /** Until when an answer counts, by digest of the request, oldest first. Apart, so that guesses do not displace accepted stations. */
  readonly #accepted = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #asking = new Map<string, Promise<Lookup>>();

  constructor(options: WebhookSourceOptions) {
    this.#options = options;
  }

  async find(request: SourceRequest): Promise<Lookup> {
    const { presented, profile } = request;
    // Refused for what it presents: there is nothing to ask.
    if ((profile === 1 || profile === 2) && presented.credentials.kind !== 'password')
      return { kind: 'none' };
    if (profile === 3 && presented.certificate.kind !== 'verified') return { kind: 'none' };
    const body = bodyOf(request);
    const digest = createHmac('sha256', this.#key).update(JSON.stringify(body)).digest('base64');
    const now = this.#options.clock.now();
    if ((this.#accepted.get(digest) ?? 0) > now) return { kind: 'judged', accepted: true };
    if ((this.#refused.get(digest) ?? 0) > now) return { kind: 'judged', accepted: false };
    const asking = this.#asking.get(digest) ?? this.#ask(digest, body, countedAddress(request.address));
    this.#asking.set(digest, asking);
    return asking.finally(() => this.#asking.delete(digest));
  }

  async #ask(digest: string, body: object, from: string): Promise<Lookup> {
    const accepted = await this.#post(body, from);
    const { cacheMs, clock } = this.#options;
    this.#accepted.delete(digest);
    this.#refused.delete(digest);
    const answers = accepted ? this.#accepted : this.#refused;
    if (cacheMs > 0) answers.set(digest, clock.now() + (accepted ? cacheMs : cacheMs / 10));
    for (const oldest of answers.keys()) {
      if (answers.size <= REMEMBERED) break;
      answers.delete(oldest);
    }
    return { kind: 'judged', accepted };
  }

  async #post(body: object, from: string): Promise<boolean> {
    try {
      const answer = await this.#options.webhook.post(body, { from });
      const accept = (answer.body as { readonly accept?: unknown } | undefined)?.accept;
      if (answer.status < 300 && typeof accept === 'boolean') return accept;
      throw new SourceError(
        `the authentication webhook answered ${answer.status} without {"accept": true} or {"accept": false}`,
      );
    } catch (error) {
      if (error instanceof WebhookError && error.reason === 'busy')
        throw new BusyError(error.message, { cause: error });
      if (error instanceof WebhookError) throw new SourceError(error.message, { cause: error });
      throw error;
    }
  }
}

function bodyOf({ presented, profile, address }: SourceRequest): object {
  const { identity, credentials, certificate } = presented;
  return {
    identity,
    address,
    securityProfile: profile,
    ...(credentials.kind === 'password' && passwordOf(credentials.password)),
    ...(certificate.kind === 'verified' && {
      certificate: {
        commonName: certificate.facts.commonName,
        names: certificate.facts.names,
        organizations: certificate.facts.organizations,
        serialNumber: certificate.facts.serialNumber,
        fingerprint256: certificate.facts.fingerprint256,
      },
    }),
  };
}

/** Bytes that are no UTF-8 would be changed in JSON. */
function passwordOf(password: Buffer): object {
  const text = password.toString('utf8');
  return Buffer.from(text).equals(password)
    ? { password: text }
    : { passwordBase64: password.toString('base64') };
}
