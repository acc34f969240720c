/**
 * A webhook that decides whether a station may connect: it gets identity, address, profile, and the password or the facts of the client
 * certificate. Accepted stations are cached, so that a storm of reconnects does not ask again; what fails is a SourceError, which closes
 * the door to new connections (docs/security.md).
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import { type Webhook, WebhookError } from '../runtime/webhook.ts';
import type { Lookup } from './decide.ts';
import { SourceError, type SourceRequest, type StationSource } from './station-source.ts';

export interface WebhookSourceOptions {
  readonly webhook: Pick<Webhook, 'post'>;
  /** How long an answer counts; ms, 0 for not at all. A refused one counts for a tenth. */
  readonly cacheMs: number;
  readonly clock: Clock;
}

/** Answers that are remembered. */
const REMEMBERED = 20_000;

export class WebhookSource implements StationSource {
  readonly #options: WebhookSourceOptions;
  /** Of this process: a dump of the cache does not reveal passwords. */
  readonly #key = randomBytes(32);
  /** By digest of the request, oldest first. */
  readonly #answers = new Map<string, { readonly accepted: boolean; readonly until: number }>();
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
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify({ ...body, address: '' }))
      .digest('base64');
    const known = this.#answers.get(digest);
    if (known !== undefined && known.until > this.#options.clock.now())
      return { kind: 'judged', accepted: known.accepted };
    const asking = this.#asking.get(digest) ?? this.#ask(digest, body);
    this.#asking.set(digest, asking);
    return asking.finally(() => this.#asking.delete(digest));
  }

  async #ask(digest: string, body: object): Promise<Lookup> {
    const accepted = await this.#post(body);
    const { cacheMs, clock } = this.#options;
    const lifetime = accepted ? cacheMs : cacheMs / 10;
    this.#answers.delete(digest);
    if (lifetime > 0) this.#answers.set(digest, { accepted, until: clock.now() + lifetime });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= REMEMBERED) break;
      this.#answers.delete(oldest);
    }
    return { kind: 'judged', accepted };
  }

  async #post(body: object): Promise<boolean> {
    try {
      const answer = await this.#options.webhook.post(body);
      const accept = (answer.body as { readonly accept?: unknown } | undefined)?.accept;
      if (answer.status < 300 && typeof accept === 'boolean') return accept;
      throw new SourceError(
        `the authentication webhook answered ${answer.status} without {"accept": true} or {"accept": false}`,
      );
    } catch (error) {
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
