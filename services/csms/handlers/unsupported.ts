/** Responses to what this CSMS does not support. */
import type { Handler } from '../handler.ts';

/** No vendor extension is built in, so every vendor is unknown. */
export const dataTransfer: Handler<object, { status: 'UnknownVendorId' }> = async () => ({
  response: { status: 'UnknownVendorId' },
});

/**
 * The statusInfo of a refusal in 2.x (Part 2, StatusInfoType).
 * @param why the missing feature, for the reader of the station's log
 */
export function unsupported(why: string) {
  return { reasonCode: 'UnsupportedRequest', additionalInfo: why } as const;
}
