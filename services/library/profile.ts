/**
 * Profiles: named groups of handlers for one version, typed by action. A server or client takes any number of them;
 * where two handle the same action of the same version, the later one counts, so that a profile of one's own replaces
 * what is built in.
 */
import { type Protocol, PROTOCOLS } from '../ocpp/frame.ts';
import type { Handler, HandlerTable } from '../csms/handler.ts';
import { HANDLERS } from '../csms/handlers/table.ts';
import type { ActionOf, RequestOf, ResponseOf } from './messages.ts';

export interface Profile<H> {
  readonly protocol: Protocol;
  readonly name: string;
  readonly handlers: Readonly<Record<string, H>>;
}

/** What a central system does with messages of stations. Its handlers return plain data: processor/handler.ts. */
export type ServerProfile = Profile<Handler>;

/** What a station does with a message of the central system. `request` was checked against its schema. */
export type StationHandler<Request = never, Response extends object = object> = (
  request: Request,
) => Promise<Response>;
export type StationProfile = Profile<StationHandler>;

/** What a SEND of 2.1 has for a response is never sent. */
type Payload<T> = [T] extends [never] ? object : Extract<T, object>;

/** A profile of a central system, its handlers typed by version and action. */
export function serverProfile<P extends Protocol>(
  protocol: P,
  name: string,
  handlers: {
    readonly [A in ActionOf<P>]?: Handler<RequestOf<P, A>, Payload<ResponseOf<P, A>>>;
  },
): ServerProfile {
  return { protocol, name, handlers: handlers as ServerProfile['handlers'] };
}

/** The same of a station. */
export function stationProfile<P extends Protocol>(
  protocol: P,
  name: string,
  handlers: {
    readonly [A in ActionOf<P>]?: StationHandler<RequestOf<P, A>, Payload<ResponseOf<P, A>>>;
  },
): StationProfile {
  return { protocol, name, handlers: handlers as StationProfile['handlers'] };
}

/** Everything that the processor program does, for all versions. */
export const BUILT_IN: readonly ServerProfile[] = PROTOCOLS.map((protocol) => ({
  protocol,
  name: 'built-in',
  handlers: HANDLERS[protocol],
}));

/** Version → action → handler of several profiles, the later ones before the earlier ones. */
export function handlersOf<H>(
  profiles: readonly Profile<H>[],
): Readonly<Record<Protocol, Readonly<Record<string, H>>>> {
  const of = (wanted: Protocol): Record<string, H> =>
    Object.assign(
      {},
      ...profiles.filter(({ protocol }) => protocol === wanted).map(({ handlers }) => handlers),
    );
  return { 'ocpp1.6': of('ocpp1.6'), 'ocpp2.0.1': of('ocpp2.0.1'), 'ocpp2.1': of('ocpp2.1') };
}

/** The handlers of a central system. */
export function handlerTable(...profiles: readonly ServerProfile[]): HandlerTable {
  return handlersOf(profiles);
}
