/**
 * Builds that are broken on purpose, each by one thing that an engineer might well do. The harness must catch them all
 * (`npm run chaos -- --mutant NAME`), or what it says of the real build is worth little.
 */
export interface Mutant {
  readonly what: string;
  /** Texts in the bundled programs; each stands there once. */
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'acknowledge-before-answer': {
    what: 'a delivery is removed when it is taken, before it is handled: a killed processor loses it',
    changes: [
      { file: 'claim.lua', from: "  redis.call('HSET', KEYS[2], unpack(numbered))\n", to: '' },
      {
        file: 'acknowledge.lua',
        from: "  if redis.call('HDEL', KEYS[1], number) == 1 then",
        to: '  if true then',
      },
    ],
  },
  'no-removal-fence': {
    what: 'finish applies a delivery whether or not it removed it: late and repeated scripts act twice',
    changes: [
      {
        file: 'acknowledge.lua',
        from: "  if redis.call('HDEL', KEYS[1], number) == 1 then",
        to: "  redis.call('HDEL', KEYS[1], number)\n  if true then",
      },
      { file: 'acknowledge.lua', from: '      if number < last then return end\n', to: '' },
      { file: 'acknowledge.lua', from: '      if number == last then\n', to: '      if false then\n' },
      { file: 'acknowledge.lua', from: '  if not stored then\n', to: '  if true then\n' },
    ],
  },
  'no-business-keys': {
    what: 'what a station sends again on another connection is a new fact',
    changes: [
      { file: 'acknowledge.lua', from: '  if not stored then\n', to: '  stored = false\n  if true then\n' },
    ],
  },
  'commands-sent-again': {
    what: 'a command that was sent when its link broke is sent again',
    changes: [
      {
        file: 'calls.lua',
        from: "if held[1] == 'sent' then Calls.finish(prefix, id, 'uncertain', 'disconnected', '')",
        to: "if held[1] == 'sent' then requeue(prefix, id)",
      },
    ],
  },
  'the-dead-are-not-rescued': {
    what: 'what a dead processor held is dropped: its CALLs are not answered on connections that live on',
    changes: [{ file: 'requeue.lua', from: 'for i = 1, #held do back(held[i][2]) end\n', to: '' }],
  },
  'sent-counts-as-not-sent': {
    what: 'a command that was sent and not answered in time is said not to have been sent',
    changes: [
      {
        file: 'calls.lua',
        from: "  if held[1] == 'sent' then Calls.finish(prefix, id, 'uncertain', 'timeout', '')\n  else ",
        to: '  do ',
      },
    ],
  },
  'replaced-without-disconnect': {
    what: 'a connection that is replaced is not said to have ended',
    changes: [
      {
        file: 'open-session.lua',
        from: "  redis.call('PUBLISH', ARGV[1] .. ':control:disconnect', cjson.encode(ended))\n",
        to: '',
      },
    ],
  },
  'leaves-its-registration': {
    what: 'a processor that ends in good order leaves its registration',
    changes: [
      {
        file: 'requeue.lua',
        from: "  redis.call('DEL', KEYS[1])\n",
        to: "  if ARGV[2] == 'end' then redis.call('DEL', KEYS[1]) end\n",
      },
    ],
  },
};
