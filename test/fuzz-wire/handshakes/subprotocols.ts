/** Lists of subprotocols in every form. */
import { type Mutation, offer } from './draft.ts';

export const SUBPROTOCOLS: readonly Mutation[] = [
  [
    'white space in the list',
    (draft, chance) => {
      const blank = () => chance.one(['', ' ', '\t', '  \t ']);
      offer(draft, [`${blank()}ocpp2.1${blank()},${blank()}ocpp1.6${blank()}`], 'ocpp2.1');
    },
  ],
  ['empty items in the list', (draft) => offer(draft, [',, ,ocpp2.0.1,,'], 'ocpp2.0.1')],
  ['the order of the station', (draft) => offer(draft, ['ocpp1.6, ocpp2.1'], 'ocpp1.6')],
  ['the same name twice', (draft) => offer(draft, ['ocpp2.1,ocpp2.1'], 'ocpp2.1')],
  [
    'a repeated header',
    (draft, chance) =>
      offer(
        draft,
        [...Array<string>(chance.between(0, 5)).fill('soap'), 'ocpp2.0.1', 'ocpp1.6'],
        'ocpp2.0.1',
      ),
  ],
  ['an empty header and another one', (draft) => offer(draft, ['', 'ocpp1.6'], 'ocpp1.6')],
  ['unknown names first', (draft) => offer(draft, ['ocpp1.5, ocpp2.0, OCPP2.1, ocpp1.6'], 'ocpp1.6')],
  [
    'unknown names only',
    (draft, chance) =>
      offer(
        draft,
        [
          chance.one([
            'ocpp1.5',
            'OCPP1.6',
            'ocpp1.6j',
            'ocpp1 .6',
            'mqtt',
            'ocpp2.0',
            '"ocpp1.6"',
            'ocpp1.6;q=1',
          ]),
        ],
        'none',
      ),
  ],
  ['no subprotocol', (draft) => offer(draft, [], 'none')],
  ['an empty subprotocol', (draft, chance) => offer(draft, [chance.one(['', ' ', ',', ' , '])], 'none')],
  ['a long list', (draft) => offer(draft, [`${'x,'.repeat(2000)}ocpp1.6`], 'ocpp1.6')],
];
