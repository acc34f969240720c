/** Which OCPP version a connection speaks: the WebSocket subprotocol (OCPP-J 1.6 §3.2, 2.x Part 4 §3.1.2). */
import type { Protocol } from './frame.ts';

/**
 * The first of the station's subprotocols that is offered here: its order is its preference. Names are
 * compared as they are (RFC 6455 makes them case-sensitive); white space around them, empty items
 * and repeated headers are allowed (RFC 9110 §5.6.1).
 *
 * @param header Sec-WebSocket-Protocol as it came: one value, or one per repeated header
 * @returns undefined when there is none in common: the handshake is then completed without a
 *   subprotocol, and the connection closed
 */
export function negotiate(
  header: string | readonly string[] | undefined,
  offered: readonly Protocol[],
): Protocol | undefined {
  for (const wanted of namesIn(header)) {
    const found = offered.find((protocol) => protocol === wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a station names any subprotocol. */
export function namesAny(header: string | readonly string[] | undefined): boolean {
  return namesIn(header).some((name) => name !== '');
}

function namesIn(header: string | readonly string[] | undefined): string[] {
  const values = typeof header === 'string' ? [header] : (header ?? []);
  return values.flatMap((value) => value.split(',')).map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ''));
}
