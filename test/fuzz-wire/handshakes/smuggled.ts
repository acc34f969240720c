/** Requests that two readers could understand in two ways. */
import { ANY, either, type Mutation, refused, without } from './draft.ts';

export const SMUGGLED: readonly Mutation[] = [
  [
    'a body',
    (draft) => {
      draft.headers.push('Content-Length: 5');
      draft.behind = Buffer.from('hello');
      either(draft);
    },
  ],
  [
    'a body in chunks',
    (draft, chance) => {
      draft.headers.push('Transfer-Encoding: chunked', ...chance.one([[], ['Content-Length: 4']]));
      draft.behind = Buffer.from('0\r\n\r\nGET /ocpp/smuggled HTTP/1.1\r\nHost: x\r\n\r\n');
      either(draft);
    },
  ],
  [
    'two lengths',
    (draft) => {
      draft.headers.push('Content-Length: 0', 'Content-Length: 7');
      either(draft);
    },
  ],
  [
    'a second request behind it',
    (draft, _, station) => {
      draft.behind = Buffer.from(`GET /ocpp/${station} HTTP/1.1\r\nHost: x\r\n\r\n`);
      either(draft);
    },
  ],
  [
    'a second request behind one that is no upgrade',
    (draft, _, station) => {
      without(draft, /^connection:/i);
      draft.behind = Buffer.from(`GET /ocpp/${station} HTTP/1.1\r\nHost: x\r\n\r\n`);
      refused(draft, 426);
    },
  ],
  [
    'a folded header',
    (draft) => {
      draft.headers.splice(1, 0, 'X-Folded: a\r\n b');
      either(draft);
    },
  ],
  [
    'a blank before the colon',
    (draft) => {
      draft.headers.push('X-Blank : a');
      either(draft);
    },
  ],
  [
    'line feeds only',
    (draft) => {
      draft.headers.push('X: a\nX-Smuggled: b');
      either(draft);
    },
  ],
  [
    'a lone carriage return',
    (draft) => {
      draft.headers.push('X: a\rY: b');
      either(draft);
    },
  ],
  [
    'a zero byte in a header',
    (draft) => {
      draft.headers.push('X: a\0b');
      either(draft);
    },
  ],
  [
    'a header without name',
    (draft, chance) => {
      draft.headers.push(chance.one([': x', 'x', '\u00ff: y', 'X Y: z', '(x): y']));
      either(draft);
    },
  ],
  [
    'no Host',
    (draft) => {
      without(draft, /^host:/i);
      either(draft);
    },
  ],
  [
    'two Hosts',
    (draft) => {
      draft.headers.unshift('Host: evil');
      either(draft);
    },
  ],
  [
    'Expect: 100-continue',
    (draft) => {
      draft.headers.push('Expect: 100-continue');
      draft.statuses = [100, ...ANY];
      draft.protocol = undefined;
    },
  ],
];
