/**
 * Builds that are broken on purpose, each by one mistake that an engineer might make. The harness must catch them all
 * (`npm run chaos -- --mutant NAME`), or its result for the real build proves little.
 */
export interface Mutant {
  readonly what: string;
  /** Texts in the bundled programs; each occurs once. */
  readonly changes: readonly {
    readonly file: string;
    readonly from: string;
    readonly to: string;
    /** Where it is written, of a program that is bundled. */
    readonly source?: string;
  }[];
}

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'acknowledge-before-answer': {
    what: 'a delivery is removed when it is claimed, before it is handled: a killed processor loses it',
    changes: [
      { file: 'claim.lua', from: "  redis.call('HSET', KEYS[2], unpack(tagged))\n", to: '' },
      {
        file: 'acknowledge.lua',
        from: "elseif redis.call('HDEL', KEYS[1], tag) == 1 then",
        to: 'elseif true then',
      },
    ],
  },
  'no-removal-fence': {
    what: 'a delivery is applied whether or not the script removed it: late and repeated scripts act twice',
    changes: [
      {
        file: 'acknowledge.lua',
        from: "elseif redis.call('HDEL', KEYS[1], tag) == 1 then",
        to: "elseif redis.call('HDEL', KEYS[1], tag) then",
      },
      { file: 'acknowledge.lua', from: '      if number < last then return end\n', to: '' },
      { file: 'acknowledge.lua', from: '      if number == last then\n', to: '      if false then\n' },
      { file: 'acknowledge.lua', from: '  if not stored then\n', to: '  if true then\n' },
    ],
  },
  'no-business-keys': {
    what: 'a message that a station sends again on another connection is a new fact',
    changes: [
      { file: 'acknowledge.lua', from: '  if not stored then\n', to: '  stored = false\n  if true then\n' },
    ],
  },
  'stored-with-the-batch-before': {
    what: 'a message that arrives while a batch is on its way to Redis counts as part of it',
    changes: [
      {
        file: 'ws-proxy.js',
        from: 'if (batch === this.#open) ',
        to: 'setTimeout(() => { if (batch === this.#open) this.#open = undefined; }, 3);\n      if (false) ',
        source: 'services/transport/redis/queue/pusher.ts',
      },
    ],
  },
  'an-older-reading-counts': {
    what: 'a reading that is repeated behind a newer one sets the register back: the record alone recognizes it',
    changes: [
      {
        file: 'processor.js',
        from: 'if (!isAfter(at, known.lastMeterAt, now) && !isHigher(reading, known)) return {};',
        to: '',
        source: 'services/csms/transactions/reading.ts',
      },
    ],
  },
  'what-is-expected-is-not-checked': {
    what: 'a reading counts whatever its record is like: an older one sets the register back, and a late one changes a bill',
    changes: [
      {
        file: 'acknowledge.lua',
        from: 'local isUnexpected = expected > 0 and not isExpected(at + FIELDS)',
        to: 'local isUnexpected = false',
      },
    ],
  },
  'records-mixed-up': {
    what: 'of the records that are read together, each caller gets the first one',
    changes: [
      {
        file: 'read-records.lua',
        from: "else reply[i] = redis.pcall('HMGET', KEYS[i], unpack(ARGV, 3)) end",
        to: "else reply[i] = redis.pcall('HMGET', KEYS[1], unpack(ARGV, 3)) end",
      },
    ],
  },
  'commands-sent-again': {
    what: 'a command that was sent when its link broke is sent again',
    changes: [
      {
        file: 'calls.lua',
        from: "if state == 'sent' then Calls.complete(prefix, id, 'uncertain', 'disconnected', '')",
        to: "if state == 'sent' then requeue(prefix, id)",
      },
    ],
  },
  'the-dead-are-not-reclaimed': {
    what: 'entries of a dead processor are dropped: its CALLs get no response on connections that live on',
    changes: [
      {
        file: 'requeue-entries.lua',
        from: '    Requeue.entry(how, held[i].entry)\n',
        to: '',
      },
    ],
  },
  'sent-counts-as-not-sent': {
    what: 'a command that was sent and not answered in time is reported as not sent',
    changes: [
      {
        file: 'calls.lua',
        from: "  if state == 'sent' then Calls.complete(prefix, id, 'uncertain', 'timeout', '')\n  else ",
        to: '  do ',
      },
    ],
  },
  'replaced-without-disconnect': {
    what: 'a connection that is replaced causes no disconnect event',
    changes: [
      {
        file: 'open-session.lua',
        from: "  redis.call('PUBLISH', prefix .. ':control:disconnect', cjson.encode(ended))\n",
        to: '',
      },
    ],
  },
  'leaves-its-registration': {
    what: 'a processor that stops in good order leaves its registration',
    changes: [
      {
        file: 'end-processor.lua',
        from: "redis.call('DEL', KEYS[1])\n",
        to: "if how.counted then redis.call('DEL', KEYS[1]) end\n",
      },
    ],
  },
};
