/**
 * Profiles: named groups of handlers for one version, typed by action. A server or client takes any number of them. If two
 * handle the same action of the same version, the later one wins, so a custom profile replaces built-in handlers.
 */
import { type Protocol, PROTOCOLS } from '../ocpp/frame.ts';
import type { Handler, HandlerTable } from '../csms/handler.ts';
import { HANDLERS } from '../csms/handlers/table.ts';
import type { ActionOf, RequestOf, ResponseOf } from '../ocpp/messages.ts';

// Part of this interface, and of its export in the package.
export type { Handler, HandlerContext, HandlerResult, HandlerTable } from '../csms/handler.ts';
export type { ActionOf, RequestOf, ResponseOf } from '../ocpp/messages.ts';

export interface Profile<H> {
  readonly protocol: Protocol;
  readonly name: string;
  readonly handlers: Readonly<Record<string, H>>;
}

/** Handles messages of stations in a central system. Its handlers return plain data: csms/handler.ts. */
export type ServerProfile = Profile<Handler>;

/** Handles a message of the central system in a station. `request` was checked against its schema. */
export type StationHandler<Request = never, Response extends object = object> = (
  request: Request,
) => Promise<Response>;
export type StationProfile = Profile<StationHandler>;

/** The response type of a SEND of 2.1 is `never`; its handler returns any object, which is not sent. */
type Payload<T> = [T] extends [never] ? object : Extract<T, object>;

/** A profile for a central system, with handlers typed by version and action. */
export function serverProfile<P extends Protocol>(
  protocol: P,
  name: string,
  handlers: {
    readonly [A in ActionOf<P>]?: Handler<RequestOf<P, A>, Payload<ResponseOf<P, A>>>;
  },
): ServerProfile {
  return { protocol, name, handlers: handlers as ServerProfile['handlers'] };
}

/** The same for a station. */
export function stationProfile<P extends Protocol>(
  protocol: P,
  name: string,
  handlers: {
    readonly [A in ActionOf<P>]?: StationHandler<RequestOf<P, A>, Payload<ResponseOf<P, A>>>;
  },
): StationProfile {
  return { protocol, name, handlers: handlers as StationProfile['handlers'] };
}

/** The handlers of the processor program, for all versions. */
export const BUILT_IN: readonly ServerProfile[] = PROTOCOLS.map((protocol) => ({
  protocol,
  name: 'built-in',
  handlers: HANDLERS[protocol],
}));

/** Version → action → handler of several profiles; later profiles win. */
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

/** The handler table of a central system. */
export function handlerTable(...profiles: readonly ServerProfile[]): HandlerTable {
  return handlersOf(profiles);
}
