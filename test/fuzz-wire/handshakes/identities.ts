/** Paths and identities, valid and not. */
import { either, type Mutation, offer, refused } from './draft.ts';

const encoded = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

/** Characters that only 1.6 allows in an identity. */
const ONLY_1_6 = ['/', '{', '}', 'ü', '€', '😀', ' ', '"', '\\', '<', '%', '#', '?', '&', "'", ';', '`'];
const ALLOWED = ['*', '-', '_', '=', ':', '+', '|', '@', '.'];
const CONTROL = ['\0', '\n', '\r', '\t', '\u001b', '\u007f', '\u0085', '\u2028', '\u2029'];

export const IDENTITIES: readonly Mutation[] = [
  ['a percent-encoded identity', (draft, _, station) => void (draft.target = `/ocpp/${encoded(station)}`)],
  [
    'an identity with signs',
    (draft, chance, station) =>
      void (draft.target = `/ocpp/${station}${encodeURIComponent(chance.one(ALLOWED))}`),
  ],
  [
    'an identity for 1.6 only',
    (draft, chance, station) => {
      draft.target = `/ocpp/${station}${encodeURIComponent(chance.one(ONLY_1_6))}`;
      offer(draft, ['ocpp1.6'], 'ocpp1.6');
    },
  ],
  [
    'an identity that 2.x does not allow',
    (draft, chance, station) => {
      draft.target = `/ocpp/${station}${encodeURIComponent(chance.one(ONLY_1_6))}`;
      offer(draft, [chance.one(['ocpp2.1', 'ocpp2.0.1'])], 'ocpp2.1');
      refused(draft, 400);
    },
  ],
  [
    'a control character',
    (draft, chance, station) => {
      draft.target = `/ocpp/${station}${encodeURIComponent(chance.one(CONTROL))}`;
      refused(draft, 400);
    },
  ],
  [
    'a wrong percent sign',
    (draft, chance, station) => {
      draft.target = `/ocpp/${station}${chance.one(['%', '%G1', '%2', '%ff', '%c0%af', '%ed%a0%80', '%u0041'])}`;
      refused(draft, 400);
    },
  ],
  [
    'an identity that is too long',
    (draft, chance) => {
      draft.target = `/ocpp/${'x'.repeat(chance.one([256, 1000, 5000]))}`;
      refused(draft, 400);
    },
  ],
  [
    'a path instead of an identity',
    (draft, chance) => {
      draft.target = `/ocpp/${chance.one(['.', '..', '%2e%2e', '%2E'])}`;
      refused(draft, 400);
    },
  ],
  [
    'another path',
    (draft, chance, station) => {
      draft.target = chance.one([
        `/${station}`,
        `/other/${station}`,
        '/',
        '/ocpp',
        '/ocpp/',
        `/ocpp/a/${station}`,
        `/ocpp/../${station}`,
        `/ocpp%2F${station}`,
        `/OCPP/${station}`,
      ]);
      refused(draft, 404);
    },
  ],
  [
    'slashes too many',
    (draft, chance, station) => {
      draft.target = chance.one([`//ocpp//${station}`, `/ocpp/${station}/`, `/ocpp/${station}//?x=//`]);
    },
  ],
  [
    'an absolute target',
    (draft, chance, station) => {
      draft.target = chance.one([
        `http://x/ocpp/${station}`,
        `ws://x/ocpp/${station}`,
        '*',
        `x:1`,
        `http://`,
      ]);
      either(draft);
    },
  ],
  [
    'bytes in the target',
    (draft, chance, station) => {
      draft.target = `/ocpp/${station}${chance.one(['ü', ' x', '\t', '\u0001', '\u007f', '"', '{', '|', '\\', '^', '`', '\u00ff'])}`;
      either(draft);
    },
  ],
];
