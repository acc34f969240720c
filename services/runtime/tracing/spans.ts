/** Spans as the traces here need them, without the library. */
export type Attributes = Readonly<Record<string, string | number>>;

export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'producer' | 'client' | 'consumer';
  /** `traceparent` of the parent; omitted: the span begins a trace. */
  readonly parent?: string;
  readonly attributes: Attributes;
  /** ms since 1970; now by default. */
  readonly at?: number;
}

export interface OpenSpan {
  readonly traceparent: string;
  set(attributes: Attributes): void;
  event(name: string): void;
  /** @param error a word for what went wrong (`error.type`); undefined: nothing. @param at ms since 1970; now by default */
  end(error?: string, at?: number): void;
}

export type StartSpan = (start: SpanStart) => OpenSpan;

/** Where the messages are, in the words of the semantic conventions of messaging. */
export const destination = (queue: string, operation: string): Attributes => ({
  'messaging.system': 'redis',
  'messaging.destination.name': queue,
  'messaging.operation.type': operation,
});

/** Ids are of the station's making. */
const LONGEST = 64;

/** The message, in words that identify it; nothing of its payload. */
export function ofMessage(message: {
  readonly stationId: string;
  readonly protocol: string;
  readonly action?: string | undefined;
  readonly messageId: string;
}): Attributes {
  const { stationId, protocol, messageId } = message;
  return {
    'ocpp.station.id': stationId,
    'ocpp.version': protocol,
    'ocpp.action': actionOf(message.action),
    'messaging.message.id': messageId.slice(0, LONGEST),
  };
}

/** A station may send any text as action: only what looks like one is shown. */
export const actionOf = (text = ''): string => (/^[A-Z][A-Za-z0-9]{1,49}$/.test(text) ? text : 'unknown');
