/**
 * How schemas of the API are written. Each has a `type`, and none needs a choice between types, so that generators of clients
 * make plain structures of them. A name (`$id`) makes a component of the OpenAPI document.
 */
import * as Type from 'typebox';
import { PROTOCOLS } from '../../ocpp/frame.ts';
import { REGISTRATION_STATUSES } from '../../transport/delivery.ts';

export const text = (description: string, options: Type.TStringOptions = {}) =>
  Type.String({ description, ...options });

export const whole = (description: string, minimum: number, maximum: number) =>
  Type.Integer({ description, minimum, maximum });

export const flag = (description: string) => Type.Boolean({ description });

/** One of these words. */
export const word = <const Words extends readonly string[]>(words: Words, description: string) =>
  Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], description });

/** The same as a component: clients get one type for it, wherever it is used. */
export const wordOf = <const Words extends readonly string[]>(
  name: string,
  words: Words,
  description: string,
) => Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], description, $id: name });

export const protocol = wordOf('Protocol', PROTOCOLS, 'Version of OCPP: the subprotocol of the WebSocket.');
export const registration = wordOf(
  'RegistrationStatus',
  REGISTRATION_STATUSES,
  'What a station gets at its next boot.',
);

/** A time in ISO 8601. */
export const time = (description: string) => text(description, { format: 'date-time' });

/** A JSON object of any shape. */
export const freeObject = (description: string) =>
  Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', description, additionalProperties: true });

/** A JSON object whose values are texts. */
export const texts = (description: string) =>
  Type.Unsafe<Readonly<Record<string, string>>>({
    type: 'object',
    description,
    additionalProperties: { type: 'string' },
  });

export const { Optional: maybe, Array: listOf } = Type;

/** A component of the document, of responses: later versions may add properties. */
export const answerOf = <P extends Type.TProperties>(name: string, description: string, properties: P) =>
  Type.Object(properties, { $id: name, description });

/** The same of request bodies: a property that is not listed is refused. */
export const bodyOf = <P extends Type.TProperties>(name: string, description: string, properties: P) =>
  Type.Object(properties, { $id: name, description, additionalProperties: false });

/** Parameters of a path or a query: others are refused. */
export const parameters = <P extends Type.TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

/** A page of a listing. */
export const pageOf = <S extends Type.TSchema>(name: string, item: S, description: string) =>
  answerOf(name, description, {
    items: Type.Array(item),
    next: Type.Optional(text('Cursor of the next page, for `after`; absent at the end.')),
  });

export const station = text('Identity of the station.', { minLength: 1, maxLength: 255 });

export const paging = {
  limit: Type.Optional(whole('Most items of the page; 100 by default.', 1, 1000)),
  after: Type.Optional(text('`next` of the page before.', { minLength: 1, maxLength: 1024 })),
};
