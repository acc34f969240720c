/** Kinds C and K: text that is not strict JSON, message ids that are not as they should be, broken answers. */
import { isObject, type JsonObject, type Say } from '../draft.ts';
import { type Mutation, saysOf, textIn } from './mutation.ts';

function breaking(name: string, breakText: (text: string) => string): Mutation {
  return {
    name,
    kind: 'C',
    lossless: true,
    apply(draft, chance) {
      const says = saysOf(draft, 'start', 'meter', 'stop');
      chance.one(says).texts.push(breakText);
      return true;
    },
  };
}

/** The station writes a byte of the card, or of its own text, as it is. */
function control(say: Say, byte: string): void {
  const [holder, name] = freeText(say.payload);
  const text = textIn(holder[name]) ?? '';
  holder[name] = `${text.slice(0, 4)}${byte}${text.slice(4)}`;
  const escaped = JSON.stringify(byte).slice(1, -1);
  say.texts.push((text) => text.replaceAll(escaped, byte));
}

function freeText(payload: JsonObject): [holder: JsonObject, name: string] {
  if (isObject(payload['idToken'])) return [payload['idToken'], 'idToken'];
  if (typeof payload['idTag'] === 'string') return [payload, 'idTag'];
  const own: JsonObject = { vendorId: 'acme', note: 'line one' };
  payload['customData'] = own;
  return [own, 'note'];
}

const STRAYS = [
  '[3,"none"]',
  '[3,"none",null]',
  '[4,"none"]',
  '[4,"none","NotSupported",null,{}]',
  '[4,"none","GenericError",""]',
  '',
  '{}',
];

export const TEXT: readonly Mutation[] = [
  {
    name: 'a control character in a string',
    kind: 'C',
    lossless: true,
    apply(draft, chance) {
      const says = saysOf(draft, 'start', 'meter', 'stop');
      control(chance.one(says), chance.one(['\u0001', '\t', '\n', '\u001f']));
      return true;
    },
  },
  breaking('a comma before the end', (text) => text.replace(/\]$/, ',]')),
  breaking('a comma after the last field', (text) => text.replace(/\}\]$/, ',}]')),
  breaking('a comma at the head of a list', (text) => text.replace(/\[\{/, '[,{')),
  breaking('two commas', (text) => text.replace(/,\{/, ',,{')),
  breaking('a byte order mark', (text) => `\uFEFF${text}`),
  breaking('NUL at the end', (text) => `${text}\0`),
  breaking('NUL at both ends', (text) => `\0${text}\0\0`),
  breaking('spaces and line ends', (text) => `\r\n ${text} \r\n`),
  {
    name: 'a message id that is a number',
    kind: 'C',
    lossless: true,
    apply(draft, chance) {
      let next = chance.between(1, 10_000);
      for (const say of saysOf(draft)) say.messageId = next++;
      return true;
    },
  },
  {
    name: 'a message id of 43 characters',
    kind: 'C',
    lossless: true,
    apply(draft, chance) {
      const id = `${chance.between(100_000, 999_999)}-`.padEnd(43, '0123456789abcdef');
      chance.one(saysOf(draft)).messageId = id;
      return true;
    },
  },
  {
    name: 'broken answers to nothing',
    kind: 'K',
    lossless: true,
    apply(draft, chance) {
      for (let left = chance.between(1, 3); left > 0; left--) {
        const index = chance.between(1, draft.steps.length);
        const at = draft.steps[index - 1]?.at ?? 0;
        draft.steps.splice(index, 0, { kind: 'stray', text: chance.one(STRAYS), at });
      }
      return true;
    },
  },
];
