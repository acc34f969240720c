/** Types of the messages of each version by action: those of typed-ocpp, in one form for all versions. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import type { Protocol } from './frame.ts';

/** Every CALL of a version as its tuple. typed-ocpp's 2.0 is 2.0.1. */
interface Calls {
  readonly 'ocpp1.6': OCPP16.Call;
  readonly 'ocpp2.0.1': OCPP20.Call;
  readonly 'ocpp2.1': OCPP21.Call;
}
type CallsByAction<P extends Protocol> = { [C in Calls[P] as `${C[2]}`]: C };
type Result<C> = C extends OCPP16.Call
  ? OCPP16.CheckedCallResult<C>[2]
  : C extends OCPP20.Call
    ? OCPP20.CheckedCallResult<C>[2]
    : C extends OCPP21.Call
      ? OCPP21.CheckedCallResult<C>[2]
      : never;

/** The actions of a version; of several versions, their union. */
export type ActionOf<P extends Protocol> = P extends Protocol ? keyof CallsByAction<P> & string : never;

/** The payload of a CALL; of several versions, their union. */
export type RequestOf<P extends Protocol, A extends string> = P extends Protocol
  ? A extends keyof CallsByAction<P>
    ? CallsByAction<P>[A] extends infer C extends Calls[P]
      ? C[3]
      : never
    : never
  : never;

/** The payload of a CALLRESULT. */
export type ResponseOf<P extends Protocol, A extends string> = P extends Protocol
  ? A extends keyof CallsByAction<P>
    ? Result<CallsByAction<P>[A]>
    : never
  : never;
