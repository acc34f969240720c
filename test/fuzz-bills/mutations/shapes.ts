/** Kinds F, G and H: digits as text, one object for a list, null, own fields, long texts and unknown words. */
import type { Chance } from '../../chaos/random.ts';
import { type Draft, GivenId, isObject, type Json, type JsonObject, type Say } from '../draft.ts';
import { BEGIN, say } from '../sessions.ts';
import { changing, inEnergy, inPayload, is16, type Mutation, places, saysOf } from './mutation.ts';

const asText = (value: Json): Json =>
  value instanceof GivenId
    ? new GivenId(value.session, (id) => asText(value.write(id)))
    : typeof value === 'number'
      ? `${value}`
      : value;

function textFor(name: string, ...fields: string[]): Mutation {
  return {
    name: `${name} as text`,
    kind: 'F',
    lossless: true,
    apply: changing(
      (draft) =>
        fields.flatMap((field) => inPayload(field, 'start', 'meter', 'stop')(draft).filter(isNumeric)),
      asText,
    ),
  };
}

function isNumeric({ holder, name }: { readonly holder: JsonObject; readonly name: string }): boolean {
  return typeof holder[name] === 'number' || holder[name] instanceof GivenId;
}

function oneFor(...fields: string[]): Mutation {
  return {
    name: `one object for ${fields.join(' and ')}`,
    kind: 'G',
    lossless: true,
    apply: changing(
      (draft) =>
        fields.flatMap((field) =>
          inPayload(
            field,
            'start',
            'meter',
            'stop',
          )(draft).filter(({ holder, name }) => {
            const list = holder[name];
            return Array.isArray(list) && list.length === 1;
          }),
        ),
      (list) => (Array.isArray(list) ? (list as readonly Json[])[0] : list),
    ),
  };
}

/** Something beside what is billed is not as the schema says. */
const BESIDE: readonly ((payload: JsonObject, chance: Chance) => void)[] = [
  (payload) => {
    payload['vendorField'] = { deep: [1, null] };
  },
  (payload) => {
    payload['reservationId'] = null;
  },
  (payload) => {
    for (const { holder } of places(payload, 'sampledValue')) holder['quality'] = 'good';
  },
  (payload) => {
    for (const { holder, name } of places(payload, 'context')) holder[name] = 'Sample.Whatever';
  },
  (payload) => {
    if (payload['reason'] !== undefined) payload['reason'] = 'EVGone';
    if (payload['triggerReason'] !== undefined) payload['triggerReason'] = 'BecauseICan';
  },
  (payload, chance) => {
    if (payload['triggerReason'] === undefined) payload['reason'] = null;
    else if (chance.happens(0.5)) delete payload['triggerReason'];
    else payload['triggerReason'] = null;
  },
  (payload) => {
    payload['customData'] = null;
    payload['offline'] = null;
  },
];

const OTHERS: readonly ((is16: boolean) => readonly [action: string, payload: JsonObject])[] = [
  (is16) => [
    'StatusNotification',
    is16
      ? { connectorId: 1, errorCode: 'AcmeTilt', status: 'Faulted', timestamp: null }
      : { timestamp: '', connectorStatus: 'Broken', evseId: '1', connectorId: 1 },
  ],
  () => ['DataTransfer', { vendorId: 'acme', data: { any: 1 } }],
  (is16) => [
    'Authorize',
    is16 ? { idTag: '0123456789ABCDEF01234' } : { idToken: { idToken: '04A2B3C4'.repeat(5), type: 'RFID' } },
  ],
  (is16) => [
    'BootNotification',
    is16
      ? {
          chargePointVendor: 'Acme',
          chargePointModel: 'AC-1',
          iccid: null,
          own: 1,
          firmwareVersion: 'v'.repeat(51),
        }
      : { reason: 'Because', chargingStation: { vendorName: 'Acme', model: 'DC-9', modem: null, own: 1 } },
  ],
  () => ['Heartbeat', { at: 'now' }],
];

function other(draft: Draft, chance: Chance): boolean {
  const [action, payload] = chance.one(OTHERS)(is16(draft));
  const index = chance.between(1, draft.steps.length);
  const at = draft.steps[index - 1]?.at ?? BEGIN;
  const added: Say = { ...say('other', -1, action, payload, at), at: at + 500 };
  draft.steps.splice(index, 0, added);
  return true;
}

function numberTag(draft: Draft, chance: Chance): boolean {
  const tag = chance.between(10_000_000, 99_999_999);
  const payloads = saysOf(draft, 'start', 'stop').map(({ payload }) => payload);
  const tokens = payloads.map((payload) => payload['idToken'] ?? null).filter(isObject);
  const found = [
    ...payloads.flatMap((payload) => places(payload, 'idTag')),
    ...tokens.map((holder) => ({ holder, name: 'idToken' })),
  ];
  for (const { holder, name } of found) holder[name] = tag;
  return found.length > 0;
}

export const SHAPES: readonly Mutation[] = [
  textFor('transactionId', 'transactionId'),
  textFor('connectorId and EVSE', 'connectorId', 'id'),
  textFor('meter', 'meterStart', 'meterStop'),
  textFor('seqNo', 'seqNo'),
  textFor('multiplier', 'multiplier'),
  {
    name: 'a value of the other type',
    kind: 'F',
    lossless: true,
    apply: changing(inEnergy('value', 'start', 'meter', 'stop'), (value) =>
      typeof value === 'number'
        ? `${value}`
        : typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)
          ? Number(value)
          : value,
    ),
  },
  { name: 'a number as idTag', kind: 'F', lossless: true, apply: numberTag },
  oneFor('meterValue'),
  oneFor('sampledValue'),
  oneFor('meterValue', 'sampledValue'),
  {
    name: 'one object for transactionData',
    kind: 'G',
    of: '1.6',
    lossless: true,
    apply: changing(inPayload('transactionData', 'stop'), (list) =>
      Array.isArray(list) ? (list as Json[]).at(-1) : list,
    ),
  },
  {
    name: 'faults beside what is billed',
    kind: 'H',
    lossless: true,
    apply(draft, chance) {
      chance.one(BESIDE)(chance.one(saysOf(draft, 'start', 'meter', 'stop')).payload, chance);
      return true;
    },
  },
  { name: 'another message with faults', kind: 'H', lossless: true, apply: other },
];
