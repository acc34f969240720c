/** Headers of a handshake: odd and valid, missing, or wrong; and credentials. */
import { either, KEY, type Mutation, refused, replaced, without } from './draft.ts';

export const HEADERS: readonly Mutation[] = [
  ['headers in another order', (draft, chance) => void draft.headers.sort(() => chance.next() - 0.5)],
  [
    'names in other letters',
    (draft, chance) => {
      draft.headers = draft.headers.map((line) => {
        const [name = '', ...rest] = line.split(':');
        return [chance.happens(0.5) ? name.toUpperCase() : name.toLowerCase(), ...rest].join(':');
      });
    },
  ],
  [
    'values in other letters',
    (draft) => {
      replaced(draft, /^(upgrade|connection):/i, 'Upgrade: WebSocket', 'Connection: UPGRADE');
    },
  ],
  [
    'a connection with two options',
    (draft) => replaced(draft, /^connection:/i, 'Connection: keep-alive, Upgrade'),
  ],
  [
    'no Connection: Upgrade',
    (draft, chance) => {
      replaced(
        draft,
        /^connection:/i,
        ...chance.one([[], ['Connection: close'], ['Connection: keep-alive']]),
      );
      refused(draft, 426);
    },
  ],
  [
    'no Upgrade',
    (draft) => {
      without(draft, /^upgrade:/i);
      refused(draft, 400, 426);
    },
  ],
  [
    'another Upgrade',
    (draft, chance) => {
      replaced(draft, /^upgrade:/i, `Upgrade: ${chance.one(['h2c', 'web socket', 'websocket/13', 'x'])}`);
      refused(draft, 400, 426);
    },
  ],
  [
    'a wrong key',
    (draft, chance) => {
      const key = chance.one([
        '',
        'short',
        KEY.slice(1),
        `${KEY}${KEY}`,
        'ä'.repeat(12),
        '%%%%%%%%%%%%%%%%%%%%%%==',
      ]);
      replaced(draft, /^sec-websocket-key:/i, `Sec-WebSocket-Key: ${key}`);
      refused(draft, 400);
    },
  ],
  [
    'no key',
    (draft) => {
      without(draft, /^sec-websocket-key:/i);
      refused(draft, 400);
    },
  ],
  [
    'two keys',
    (draft) => {
      draft.headers.push(`Sec-WebSocket-Key: ${KEY}`);
      refused(draft, 400, 101);
    },
  ],
  [
    'another version of WebSocket',
    (draft, chance) => {
      const lines = chance
        .one([[], ['8'], ['14'], ['13, 8'], ['x'], ['']])
        .map((one) => `Sec-WebSocket-Version: ${one}`);
      replaced(draft, /^sec-websocket-version:/i, ...lines);
      refused(draft, 400, 426);
    },
  ],
  [
    'another method',
    (draft, chance) => {
      draft.method = chance.one([
        'POST',
        'PUT',
        'HEAD',
        'OPTIONS',
        'DELETE',
        'get',
        'TRACE',
        'CONNECT',
        'M-SEARCH',
        'X',
      ]);
      refused(draft, 400, 404, 405, 426, 0);
    },
  ],
  [
    'another version of HTTP',
    (draft, chance) => {
      draft.version = chance.one([
        'HTTP/1.0',
        'HTTP/0.9',
        'HTTP/2.0',
        'HTTP/1.2',
        'HTTP/11',
        'http/1.1',
        '',
        'ICY/1.1',
      ]);
      either(draft);
    },
  ],
  [
    'compression is offered',
    (draft) =>
      void draft.headers.push(
        'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_no_context_takeover',
      ),
  ],
  [
    'extensions that are none',
    (draft, chance) =>
      void draft.headers.push(
        `Sec-WebSocket-Extensions: ${chance.one([';;;', 'a;b=', '"', 'x'.repeat(1000)])}`,
      ),
  ],
  [
    'headers that are too long',
    (draft, chance) => {
      draft.headers.push(`X-Long: ${'x'.repeat(chance.between(9000, 60_000))}`);
      refused(draft, 431);
    },
  ],
  [
    'many headers',
    (draft, chance) => {
      draft.headers.push(...Array.from({ length: chance.one([100, 500]) }, (_, i) => `X${i}: ${i}`));
      if (draft.headers.length > 400) either(draft);
    },
  ],
  [
    'forwarded addresses',
    (draft) => void draft.headers.push('X-Forwarded-For: 203.0.113.9, unknown, "', 'Forwarded: for=x'),
  ],
];

/** Credentials, which a plain listener does not read. */
const AUTHORIZATIONS = [
  'Basic Q1M6cHc=',
  'Basic',
  'Basic ',
  'Basic  Q1M6cHc=',
  'basic Q1M6cHc=',
  'Basic Q1M6cHc',
  'Basic %%%',
  'Basic Og==',
  'Basic Q1M=',
  'Basic /////w==',
  'Basic Q1M6AAAA',
  `Basic ${'A'.repeat(4000)}`,
  'Bearer x.y.z',
  'Digest username="CS"',
  ':',
  'ÿþ',
];

export const CREDENTIALS: readonly Mutation[] = [
  ['credentials', (draft, chance) => void draft.headers.push(`Authorization: ${chance.one(AUTHORIZATIONS)}`)],
  [
    'credentials twice',
    (draft, chance) =>
      void draft.headers.push(
        `Authorization: ${chance.one(AUTHORIZATIONS)}`,
        `Authorization: ${chance.one(AUTHORIZATIONS)}`,
      ),
  ],
  [
    'credentials in the target',
    (draft, chance, station) => {
      draft.target = chance.one([
        `/ocpp/${station}?user=a&password=b`,
        `/ocpp/${station}?`,
        `/ocpp/${station}?/x/../y`,
      ]);
    },
  ],
];
