/**
 * Every Redis key of the data path. Those of ocpp-go (requests, responses, control, session, active) keep their names;
 * docs/redis-keys.md lists all. Where code has another word, the key keeps the older one.
 *
 * On Redis Cluster the prefix must carry one {hash tag}, as the scripts work on several keys at once.
 */

/** Characters of OCPP 2.x identifierString stay as they are (Part 2, "Primitive data types"). */
const RAW = /[A-Za-z0-9*\-_=:+|@.]/;

/** Half of a surrogate pair: it has no UTF-8, but JSON can hold one. */
const LONE_SURROGATE = /^[\uD800-\uDFFF]$/;

/**
 * A text from outside as part of a key: every other character becomes %XX per byte of its UTF-8, so two
 * texts never become one key, and no hash tag or line break gets in.
 */
export function escapeKey(text: string): string {
  if (/^[A-Za-z0-9*\-_=:+|@.]*$/.test(text)) return text;
  let escaped = '';
  for (const character of text) {
    if (RAW.test(character)) escaped += character;
    else if (LONE_SURROGATE.test(character)) escaped += `%u${character.charCodeAt(0).toString(16)}`;
    else
      for (const byte of Buffer.from(character))
        escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return escaped;
}

/** The text of a part of a key; the part itself if it is none of ours. */
export function unescapeKey(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export type Role = 'processor' | 'proxy';

export class Keys {
  readonly prefix: string;
  readonly statePrefix: string;
  readonly requests: string;
  /** Entries of dead processes, claimed before `requests`. */
  readonly reclaimed: string;
  readonly deadLetters: string;
  readonly unreadable: string;
  /** Counter of delivery tags. */
  readonly deliveryTags: string;
  readonly epoch: string;
  /** Names the processor that waits for entries. */
  readonly pollLease: string;
  /** A token wakes a processor that does not wait for entries. */
  readonly wakeUpTokens: string;
  readonly active: string;
  /** Every station that ever connected, in the order of identities; when the last connection of an offline one ended. */
  readonly knownStations: string;
  readonly disconnected: string;
  /** Refused handshakes; the last times of those of known stations, and of others. */
  readonly refused: string;
  readonly refusedKnown: string;
  readonly refusedUnknown: string;
  /** Exists while all proxies leave. ENDING_KEY in services/contract.ts names it for the Pod of Redis. */
  readonly ending: string;
  /** The marker of the data: which they are, and whose. */
  readonly store: string;
  readonly events: string;
  /** Frames of the stations that are recorded. */
  readonly recorded: string;
  readonly callDeadlines: string;
  readonly heldCalls: string;
  readonly callOrder: string;
  /** Counts of the last rollout, moves by station, and stations that are away. */
  readonly rollout: string;
  readonly rolloutMoves: string;
  readonly rolloutAway: string;
  readonly rates: string;
  readonly connectChannel: string;
  readonly disconnectChannel: string;

  constructor(prefix: string, statePrefix: string = prefix) {
    this.prefix = prefix;
    this.statePrefix = statePrefix;
    this.requests = `${prefix}:requests`;
    this.reclaimed = `${prefix}:rescued`;
    this.deadLetters = `${prefix}:dead-letters`;
    this.unreadable = `${prefix}:unreadable`;
    this.deliveryTags = `${prefix}:running`;
    this.epoch = `${prefix}:epoch`;
    this.pollLease = `${prefix}:waiter`;
    this.wakeUpTokens = `${prefix}:help`;
    this.active = `${prefix}:active`;
    this.knownStations = `${prefix}:known-stations`;
    this.disconnected = `${prefix}:disconnected`;
    this.refused = `${prefix}:refused`;
    this.refusedKnown = `${prefix}:refused-known`;
    this.refusedUnknown = `${prefix}:refused-unknown`;
    this.ending = `${prefix}:ending`;
    this.store = `${prefix}:store`;
    this.events = `${prefix}:events`;
    this.recorded = `${prefix}:recorded`;
    this.callDeadlines = `${prefix}:call-deadlines`;
    this.heldCalls = `${prefix}:held-calls`;
    this.callOrder = `${prefix}:call-order`;
    this.rollout = `${prefix}:rollout`;
    this.rolloutMoves = `${prefix}:rollout-moves`;
    this.rolloutAway = `${prefix}:rollout-away`;
    this.rates = `${prefix}:rates`;
    this.connectChannel = `${prefix}:control:connect`;
    this.disconnectChannel = `${prefix}:control:disconnect`;
  }

  /** Living and dead processes of a role by the end of their lease. */
  members(role: Role): string {
    return role === 'processor' ? `${this.prefix}:processors` : `${this.prefix}:proxies`;
  }

  process(processId: string): string {
    return `${this.prefix}:process:${processId}`;
  }

  processing(processId: string): string {
    return `${this.prefix}:processing:${processId}`;
  }

  /** Where BLMOVE puts an entry until the next claim. */
  staging(processId: string): string {
    return `${this.prefix}:landing:${processId}`;
  }

  outbox(processId: string): string {
    return `${this.prefix}:outbox:${processId}`;
  }

  inflight(processId: string): string {
    return `${this.prefix}:inflight:${processId}`;
  }

  sessions(processId: string): string {
    return `${this.prefix}:sessions:${processId}`;
  }

  session(stationId: string): string {
    return `${this.prefix}:session:${escapeKey(stationId)}`;
  }

  lastEpoch(stationId: string): string {
    return `${this.prefix}:last-epoch:${escapeKey(stationId)}`;
  }

  responses(stationId: string): string {
    return `${this.prefix}:responses:${escapeKey(stationId)}`;
  }

  call(messageId: string): string {
    return `${this.prefix}:call:${messageId}`;
  }

  calls(stationId: string): string {
    return `${this.prefix}:calls:${escapeKey(stationId)}`;
  }

  /** The channel on which a process gets the ids of calls that ended. */
  outcomes(processId: string): string {
    return `${this.prefix}:outcomes:${processId}`;
  }

  /** The open calls of a station as ocpp-go records them; in the database after ours. */
  pending(stationId: string): string {
    return `${this.statePrefix}:pending:${escapeKey(stationId)}`;
  }

  answered(businessKey: string): string {
    return `${this.prefix}:answered:${escapeKey(businessKey)}`;
  }

  /** A record or stream of stored state. */
  state(key: string): string {
    return `${this.statePrefix}:${escapeKey(key)}`;
  }

  counter(name: string): string {
    return `${this.statePrefix}:counter:${escapeKey(name)}`;
  }
}
