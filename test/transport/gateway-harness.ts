/** The conformance suites' view of a transport whose stations are behind a gateway. */
import { GatewayClientTransport } from '../../services/transport/gateway-client.ts';
import {
  createGateway,
  createTransport,
  type RedisConfig,
} from '../../services/library/transport-factory.ts';
import type { Gateway, Transport } from '../../services/transport/transport.ts';
import type { GatewayHarness, TransportHarness } from '../conformance/transport.ts';

export function gatewayHarness(transport: Transport, gateway: Gateway): TransportHarness & GatewayHarness {
  const stations: GatewayClientTransport[] = [];
  let started: Promise<void> | undefined;
  return {
    transport,
    gateway,
    async connect(stationId, protocol, onMessage) {
      await (started ??= gateway.start());
      const station = new GatewayClientTransport({ gateway, stationId, protocol });
      if (onMessage !== undefined) station.onMessage(onMessage);
      await station.start();
      stations.push(station);
      return station;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(stations.map((station) => station.stop()));
      await gateway.stop();
      await transport.stop();
    },
  };
}

/** A processor and a proxy on one Redis. */
export function redisHarness(config: Omit<RedisConfig, 'kind' | 'name'>): TransportHarness & GatewayHarness {
  return gatewayHarness(
    createTransport({ ...config, kind: 'redis', name: 'processor' }),
    createGateway({ ...config, kind: 'redis', name: 'proxy' }),
  );
}
