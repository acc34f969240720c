/**
 * Every Redis key of the data path. The seed's own (requests, responses, control, session, active) keep
 * their names. docs/redis-keys.md describes all of them.
 *
 * On Redis Cluster the prefix must carry one {hash tag}, as the scripts work on several keys at once.
 */

/** Characters of OCPP 2.x identifierString, the ones that stay as they are (Part 2, "Primitive data types"). */
const RAW = /[A-Za-z0-9*\-_=:+|@.]/;

/** Half of a pair: it has no UTF-8, and JSON can carry one. */
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

export type Role = 'processor' | 'proxy';

export class Keys {
  readonly prefix: string;
  readonly statePrefix: string;
  readonly requests: string;
  readonly rescued: string;
  readonly deadLetters: string;
  readonly unreadable: string;
  readonly running: string;
  readonly epoch: string;
  readonly waiter: string;
  readonly help: string;
  readonly active: string;
  readonly events: string;
  readonly callDeadlines: string;
  readonly callOrder: string;
  readonly connectChannel: string;
  readonly disconnectChannel: string;

  constructor(prefix: string, statePrefix: string = prefix) {
    this.prefix = prefix;
    this.statePrefix = statePrefix;
    this.requests = `${prefix}:requests`;
    this.rescued = `${prefix}:rescued`;
    this.deadLetters = `${prefix}:dead-letters`;
    this.unreadable = `${prefix}:unreadable`;
    this.running = `${prefix}:running`;
    this.epoch = `${prefix}:epoch`;
    this.waiter = `${prefix}:waiter`;
    this.help = `${prefix}:help`;
    this.active = `${prefix}:active`;
    this.events = `${prefix}:events`;
    this.callDeadlines = `${prefix}:call-deadlines`;
    this.callOrder = `${prefix}:call-order`;
    this.connectChannel = `${prefix}:control:connect`;
    this.disconnectChannel = `${prefix}:control:disconnect`;
  }

  /** Living and dead processes of a role by the end of their lease. */
  members(role: Role): string {
    return role === 'processor' ? `${this.prefix}:processors` : `${this.prefix}:proxies`;
  }

  process(pid: string): string {
    return `${this.prefix}:process:${pid}`;
  }

  processing(pid: string): string {
    return `${this.prefix}:processing:${pid}`;
  }

  landing(pid: string): string {
    return `${this.prefix}:landing:${pid}`;
  }

  outbox(pid: string): string {
    return `${this.prefix}:outbox:${pid}`;
  }

  inflight(pid: string): string {
    return `${this.prefix}:inflight:${pid}`;
  }

  sessions(pid: string): string {
    return `${this.prefix}:sessions:${pid}`;
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

  /** The channel on which a process is told of the ends of calls. */
  outcomes(process: string): string {
    return `${this.prefix}:outcomes:${process}`;
  }

  /** The seed's open calls of a station; in the database after ours. */
  pending(stationId: string): string {
    return `${this.statePrefix}:pending:${escapeKey(stationId)}`;
  }

  answered(businessKey: string): string {
    return `${this.prefix}:answered:${escapeKey(businessKey)}`;
  }

  /** A record or stream of the processor's. */
  state(key: string): string {
    return `${this.statePrefix}:${escapeKey(key)}`;
  }

  counter(name: string): string {
    return `${this.statePrefix}:counter:${escapeKey(name)}`;
  }
}
