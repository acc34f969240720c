/** What a suite needs of an implementation. */
import type { Protocol } from '../../services/ocpp/frame.ts';
import type { ClientTransport } from '../../services/transport/client-transport.ts';
import type { Gateway } from '../../services/transport/gateway.ts';
import type { Transport } from '../../services/transport/transport.ts';

export interface TransportHarness extends AsyncDisposable {
  /** Not started. */
  readonly transport: Transport;
  /** Called after the transport was started; resolves to a connected station. `onMessage` receives all messages from the first on. */
  readonly connect: (
    stationId: string,
    protocol: Protocol,
    onMessage?: (text: string) => void,
  ) => Promise<ClientTransport>;
}

export interface GatewayHarness extends AsyncDisposable {
  /** Neither is started. */
  readonly transport: Transport;
  readonly gateway: Gateway;
}
