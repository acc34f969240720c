/**
 * The front door: asks the source of entries, decides, and keeps what a decision changes: the highest profile that a station has used, a
 * credential that replaces another, and in mode Report a first credential. It refuses nothing in mode Report.
 *
 * An unavailable source closes the door: no new station connects, and connected ones stay.
 */
import type { Clock } from '../runtime/clock.ts';
import { BusyError } from '../runtime/turns.ts';
import { TransportError } from '../transport/errors.ts';
import { type Attempt, Attempts, AttemptsError } from './attempts.ts';
import { basicCredentials, spellingsOf } from './basic-credentials.ts';
import { countedAddress } from './counted-address.ts';
import {
  type AccessFault,
  type AccessPolicy,
  decide,
  type Decision,
  faultOfConnected,
  type Grant,
  type Lookup,
  type Presented,
  type PresentedCertificate,
} from './decide.ts';
import type { PasswordHasher } from './password-hash.ts';
import type { Register } from './register.ts';
import type { SecurityProfile } from './security-profile.ts';
import { withUsed } from './station-entry.ts';
import { SourceError, type StationSource } from './station-source.ts';

export interface AccessSettings extends AccessPolicy {
  readonly mode: 'Report' | 'Enforce';
  /** HTTP status for an unknown station that is refused. */
  readonly unknownStationStatus: 401 | 404;
  /** In mode Report: whether the first password of a station without one is stored. */
  readonly enrolment: 'Off' | 'FirstSeen';
}

export interface AccessControlOptions {
  /** Read for each handshake, as they may change. */
  readonly settings: AccessSettings;
  /** Omitted: no station is unknown. */
  readonly source?: StationSource;
  /** Where the highest profile of each station is kept; omitted where all listeners have profile 0. */
  readonly profiles?: Pick<Register, 'keptProfile' | 'keepProfile'>;
  /** Compares passwords; profiles 1 and 2 need it, unless a webhook decides. */
  readonly hasher?: PasswordHasher;
  readonly clock: Clock;
  readonly observer: AccessObserver;
}

/** Events for metrics and logs. No method may throw. */
export interface AccessObserver {
  /** Mode Report accepted what Enforce would refuse. */
  unproven(identity: string, address: string, fault: Grant['unproven'], reason: string): void;
  /** The first password of a station was stored. */
  enrolled(identity: string): void;
  /** The source cannot be asked, or a change could not be stored. */
  error(error: Error): void;
}

export interface AccessRequest {
  readonly identity: string;
  /** Of the listener. */
  readonly profile: SecurityProfile;
  /** The header as received. */
  readonly authorization: string | undefined;
  readonly certificate: PresentedCertificate;
  /** Of the station, or of its side of the network. */
  readonly address: string;
}

export type AccessRefusal = AccessFault | 'attempts' | 'busy' | 'source-away';

export type Verdict =
  | {
      readonly kind: 'accept';
      readonly grant: Grant;
      /** It is registered, or was here before. */
      readonly isKnown: boolean;
    }
  | {
      readonly kind: 'refuse';
      readonly code: AccessRefusal;
      readonly status: 401 | 404 | 429 | 503;
      /** For the log only: the station does not learn what was wrong. */
      readonly reason: string;
      readonly retryAfterSeconds?: number;
    };

/** First passwords that one process stores at once, and then one each second: a client can invent identities. */
const ENROLMENTS_AT_ONCE = 1000;

/** A failure counts so long, unless the source answers before: a Pod that no station asks must not report it for hours; ms. */
const FAILING_FOR = 60_000;

export class AccessControl {
  readonly #options: AccessControlOptions;
  readonly #attempts: Attempts;
  /** When the source could not be asked last; ms since 1970. */
  #failedAt = -Infinity;
  /** Enrolments that are not yet regained, one each second, and when that was; ms since 1970. */
  #enrolments = 0;
  #enrolledAt = 0;

  constructor(options: AccessControlOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options.clock);
  }

  /** Whether the source could not be asked lately. */
  get sourceFailing(): boolean {
    return this.#options.clock.now() - this.#failedAt < FAILING_FOR;
  }

  async authenticate(request: AccessRequest): Promise<Verdict> {
    const { identity, address, profile } = request;
    const { source, profiles, settings } = this.#options;
    if (source === undefined && profiles === undefined)
      return accepted({ profile, proven: false, credential: '' }, true);
    const presented = presentedIn(request);
    if (this.#isHopeless(profile, presented)) {
      const matches = async () => false;
      const question = { profile, presented, lookup: { kind: 'none' }, policy: settings, matches } as const;
      const decision = await decide(question);
      if (decision.kind === 'refuse') return this.#refuse(decision);
    }
    // Whether a handshake counts depends on what it presents, never on the station: identities must not be found by the status.
    if (settings.mode === 'Report' || presented.credentials.kind !== 'password')
      return this.#judge(request, presented);
    try {
      const attempt = this.#attempts.begin(identity, address);
      const verdict = await this.#judge(request, presented, attempt);
      const isFailure = verdict.kind === 'refuse' && (verdict.status === 401 || verdict.status === 404);
      if (!isFailure) attempt.restore();
      return verdict;
    } catch (error) {
      return this.#away(request, error);
    }
  }

  /** It is refused with 401 for what it lacks, whatever its entry: neither source nor store is asked. */
  #isHopeless(profile: SecurityProfile, { credentials, certificate }: Presented): boolean {
    const { mode, unknownStations, unknownStationStatus } = this.#options.settings;
    if (mode === 'Report' || unknownStations === 'Accept' || unknownStationStatus === 404) return false;
    return profile === 3 ? certificate.kind !== 'verified' : profile > 0 && credentials.kind !== 'password';
  }

  async #judge(request: AccessRequest, presented: Presented, attempt?: Attempt): Promise<Verdict> {
    const { identity, profile, address } = request;
    const { source, profiles, settings, hasher } = this.#options;
    try {
      // It is unknown how the passwords of a webhook were chosen.
      if (hasher === undefined) attempt?.countForIdentity();
      const [lookup, kept] = await Promise.all([
        source?.find({ presented, profile, address }) ?? ({ kind: 'none' } as const),
        profiles?.keptProfile(identity),
      ]);
      const decision = await decide({
        profile,
        presented,
        lookup,
        policy: settings,
        kept,
        matches: (stored) => this.#matches(request, presented, stored, attempt),
      });
      this.#failedAt = -Infinity;
      if (decision.kind === 'accept') return await this.#accept(request, decision, lookup, kept);
      return settings.mode === 'Report'
        ? await this.#report(request, presented, decision, lookup)
        : this.#refuse(decision);
    } catch (error) {
      return this.#away(request, error);
    }
  }

  /** The fault of each connected station that may not stay, in the order of the stations. Rejects with SourceError. */
  async faultsOf(
    stations: readonly { readonly identity: string; readonly grant: Grant }[],
  ): Promise<readonly (AccessFault | undefined)[]> {
    const { settings } = this.#options;
    const lookups = await this.#lookupsOf(stations.map(({ identity }) => identity));
    if (settings.mode === 'Report') return stations.map(() => undefined);
    return stations.map(({ grant }, index) => {
      if (grant.unproven === 'source-away') return 'no-credentials';
      return grant.unproven ?? faultOfConnected(grant, lookups?.[index] ?? { kind: 'none' }, settings);
    });
  }

  /** Undefined where the source cannot be asked for entries. */
  async #lookupsOf(identities: readonly string[]): Promise<readonly Lookup[] | undefined> {
    const { source, clock } = this.#options;
    if (source?.findAll === undefined) return undefined;
    try {
      const lookups = await source.findAll(identities);
      this.#failedAt = -Infinity;
      return lookups;
    } catch (error) {
      this.#failedAt = clock.now();
      throw error;
    }
  }

  async #accept(
    { identity, profile, address }: AccessRequest,
    { proven, credential, used }: Extract<Decision, { readonly kind: 'accept' }>,
    lookup: Lookup,
    kept: SecurityProfile | undefined,
  ): Promise<Verdict> {
    const { source, profiles } = this.#options;
    // A client that proved nothing must neither keep a station from a lower profile nor fill the store.
    if (proven) this.#attempts.succeeded(identity, address);
    if (proven && profile > (kept ?? 0)) await profiles?.keepProfile(identity, profile, kept);
    if (used !== undefined && lookup.kind === 'entry')
      await source?.store?.(identity, withUsed(lookup.entry, used), lookup.text);
    return accepted({ profile, proven, credential }, lookup.kind !== 'unknown' || kept !== undefined);
  }

  #refuse({ fault, reason }: Extract<Decision, { readonly kind: 'refuse' }>): Verdict {
    const status = fault === 'unknown-station' ? this.#options.settings.unknownStationStatus : 401;
    return { kind: 'refuse', code: fault, status, reason };
  }

  async #report(
    { identity, profile, address }: AccessRequest,
    presented: Presented,
    { fault, reason }: Extract<Decision, { readonly kind: 'refuse' }>,
    lookup: Lookup,
  ): Promise<Verdict> {
    const credential = await this.#enrol(presented, profile, fault, lookup);
    // Anyone could have been the first.
    if (credential !== undefined) return accepted({ profile, proven: false, credential }, true);
    this.#options.observer.unproven(identity, address, fault, reason);
    return accepted({ profile, proven: false, credential: '', unproven: fault }, lookup.kind === 'entry');
  }

  /** @returns the stored form of the password that counts from now on; undefined when none was stored */
  async #enrol(
    { identity, credentials }: Presented,
    profile: SecurityProfile,
    fault: AccessFault,
    lookup: Lookup,
  ): Promise<string | undefined> {
    const { source, hasher, settings, observer } = this.#options;
    if (settings.enrolment !== 'FirstSeen' || (fault !== 'unknown-station' && fault !== 'no-password'))
      return undefined;
    if ((profile !== 1 && profile !== 2) || credentials.kind !== 'password') return undefined;
    if (hasher === undefined || source?.store === undefined || !this.#mayEnrol()) return undefined;
    const password = hasher.hash(identity, credentials.password);
    const [entry, text] = lookup.kind === 'entry' ? [lookup.entry, lookup.text] : [{}, undefined];
    if (!(await source.store(identity, { ...entry, password }, text))) return undefined;
    observer.enrolled(identity);
    return password;
  }

  #mayEnrol(): boolean {
    const now = this.#options.clock.now();
    this.#enrolments = Math.max(0, this.#enrolments - Math.max(0, now - this.#enrolledAt) / 1000);
    this.#enrolledAt = now;
    if (this.#enrolments >= ENROLMENTS_AT_ONCE) return false;
    this.#enrolments += 1;
    return true;
  }

  async #matches(
    { address }: AccessRequest,
    { identity, credentials }: Presented,
    stored: string | undefined,
    attempt: Attempt | undefined,
  ): Promise<boolean> {
    const { hasher } = this.#options;
    if (hasher === undefined || credentials.kind !== 'password') return false;
    if (hasher.isScrypt(stored)) attempt?.countForIdentity();
    const from = countedAddress(address);
    for (const password of spellingsOf(credentials.password)) {
      if (stored === undefined) await hasher.pretend(identity, password, from);
      else if (await hasher.verify(identity, password, stored, from)) return true;
    }
    return false;
  }

  /** @throws what is neither a limit, nor the source, nor the store */
  #away({ identity, profile, address }: AccessRequest, error: unknown): Verdict {
    if (error instanceof AttemptsError) return tooMany(error);
    const isBusy = error instanceof BusyError;
    if (!isBusy && !(error instanceof SourceError || error instanceof TransportError)) throw error;
    const { settings, observer } = this.#options;
    if (!isBusy) {
      this.#failedAt = this.#options.clock.now();
      observer.error(error);
    }
    if (settings.mode === 'Report') {
      observer.unproven(identity, address, 'source-away', error.message);
      return accepted({ profile, proven: false, credential: '', unproven: 'source-away' }, false);
    }
    return { kind: 'refuse', code: isBusy ? 'busy' : 'source-away', status: 503, reason: error.message };
  }
}

const accepted = (grant: Grant, isKnown: boolean): Verdict => ({ kind: 'accept', grant, isKnown });

const tooMany = ({ message, seconds }: AttemptsError): Verdict => ({
  kind: 'refuse',
  code: 'attempts',
  status: 429,
  reason: message,
  retryAfterSeconds: seconds,
});

const presentedIn = ({ identity, profile, authorization, certificate }: AccessRequest): Presented => ({
  identity,
  credentials: profile === 1 || profile === 2 ? basicCredentials(authorization, identity) : { kind: 'none' },
  certificate,
});
