/** A station on a real socket, that answers every CALL of the CSMS as the test says, and keeps them. */
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { validateRequest, validateResponse } from '../../../services/ocpp/schema.ts';
import { WebSocketClient } from '../../../services/library/websocket-client.ts';

type Payload = Readonly<Record<string, unknown>>;

export interface SocketStation extends AsyncDisposable {
  readonly calls: readonly { readonly action: string; readonly payload: Payload }[];
  answer: (action: string) => object;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** The payload of a CALLRESULT that its schema allows. */
  ask(action: string, payload: object): Promise<Payload>;
}

export function socketStation(url: string, stationId: string, protocol: Protocol): SocketStation {
  const calls: { action: string; payload: Payload }[] = [];
  const waiting = new Map<string, (frame: readonly unknown[]) => void>();
  let client: WebSocketClient | undefined;
  let sequence = 0;
  const read = (text: string) => {
    const [type, id, ...rest] = JSON.parse(text) as [number, string, ...unknown[]];
    if (type !== 2) return waiting.get(id)?.([type, id, ...rest]);
    const [action, payload] = rest as [string, Payload];
    const fault = validateRequest(protocol, action, payload, true);
    if (fault !== undefined) throw new Error(`${action} is invalid: ${fault.description}`);
    calls.push({ action, payload });
    void client?.write(JSON.stringify([3, id, station.answer(action)]));
    return undefined;
  };
  const station: SocketStation = {
    calls,
    answer: () => ({ status: 'Accepted' }),
    async connect() {
      client = new WebSocketClient({ url, stationId, protocols: [protocol] });
      client.onMessage(read);
      await client.start();
    },
    async disconnect() {
      await client?.stop();
    },
    async ask(action, payload) {
      const id = `m-${++sequence}`;
      const answer = new Promise<readonly unknown[]>((resolve) => waiting.set(id, resolve));
      await client?.write(JSON.stringify([2, id, action, payload]));
      const [type, , result] = await answer;
      if (type !== 3) throw new Error(`${action} was answered with ${JSON.stringify(result)}`);
      const fault = validateResponse(protocol, action, result);
      if (fault !== undefined) throw new Error(`${action} was answered badly: ${fault.description}`);
      return result as Payload;
    },
    [Symbol.asyncDispose]: () => station.disconnect(),
  };
  return station;
}
