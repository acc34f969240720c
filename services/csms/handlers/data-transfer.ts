/** DataTransfer: no vendor extension is built in, so every vendor is unknown unless a decider outside answers. */
import type { DataAnswer } from '../decisions/decision-provider.ts';
import type { Handler } from '../handler.ts';

const UNKNOWN = { status: 'UnknownVendorId' } as const;

export const dataTransfer: Handler<object, DataAnswer> = async (request, context) => {
  const asked = { action: 'DataTransfer', request, proposed: UNKNOWN } as const;
  const decided = await context.providers.decisions?.decide(asked, context);
  return { response: decided?.answer ?? UNKNOWN };
};
