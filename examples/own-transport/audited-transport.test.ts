import test from 'ava';
import { transportConformance } from 'ocpp-cluster/conformance';
import { GatewayClientTransport } from 'ocpp-cluster/gateway-client';
import { createMemoryBus } from 'ocpp-cluster/memory';
import { auditedTransport } from './audited-transport.ts';

transportConformance(test, 'audited', async () => {
  const bus = createMemoryBus();
  const gateway = bus.gateway('proxy');
  const transport = auditedTransport(bus.transport, () => {});
  return {
    transport,
    async connect(stationId, protocol, onMessage) {
      const station = new GatewayClientTransport({ gateway, stationId, protocol });
      if (onMessage !== undefined) station.onMessage(onMessage);
      await station.start();
      return station;
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await transport.stop();
    },
  };
});

test('the auditor hears of every CALL, and of nothing else', async (t) => {
  const heard: unknown[] = [];
  const bus = createMemoryBus();
  await using transport = auditedTransport(bus.transport, (...line) => heard.push(line));
  transport.onMessage(async () => ({ answer: { kind: 'result', payload: {} }, writes: [], events: [] }));
  await transport.start();
  await using gateway = bus.gateway('proxy');
  const station = new GatewayClientTransport({ gateway, stationId: 'CP-1', protocol: 'ocpp1.6' });
  const answer = new Promise((resolve) => station.onMessage(resolve));
  await station.start();
  await station.write('[3,"m0",{}]');
  await station.write('[2,"m1","Heartbeat",{}]');
  t.is(await answer, '[3,"m1",{}]');
  t.deepEqual(heard, [['CP-1', 'm1', 'result']]);
});
