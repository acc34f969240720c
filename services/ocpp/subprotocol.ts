/** The OCPP version of a connection: its WebSocket subprotocol (OCPP-J 1.6 §3.2, 2.x Part 4 §3.1.2). */
import type { Protocol } from './frame.ts';

/**
 * The first of the station's subprotocols that is offered: its order is its preference. Names are case-sensitive (RFC
 * 6455); white space around them, empty items and repeated headers are allowed (RFC 9110 §5.6.1).
 *
 * @param header Sec-WebSocket-Protocol: one value, or one per repeated header
 * @returns undefined if there is none in common: the handshake then completes without a subprotocol, and the connection
 *   is closed
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
