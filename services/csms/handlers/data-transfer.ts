/** DataTransfer: no vendor extension is built in, so every vendor is unknown. */
import type { Handler } from '../handler.ts';

export const dataTransfer: Handler<object, { status: 'UnknownVendorId' }> = async () => ({
  response: { status: 'UnknownVendorId' },
});
