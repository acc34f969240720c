/**
 * `node proxy-process.ts host:port COUNT`: a proxy with COUNT stations, each of which sends a CALL every 50 ms whatever it
 * receives. Prints "ready" when all are connected. A test kills it, or stops it past its lease.
 */
import { createGateway } from '../../../services/library/transport-factory.ts';

const [, , addr = '', count = '1'] = process.argv;
const gateway = createGateway({
  kind: 'redis',
  name: 'other',
  redis: { addr, db: 0, clientTimeoutMs: 5000 },
  channelPrefix: 'ocpp',
  leaseMs: 500,
});
gateway.onError(() => undefined);
await gateway.start();
for (let i = 0; i < Number(count); i++) {
  const session = { stationId: `CP-${i}`, protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const connection = await gateway.open(session, { deliver: () => true, revoked() {} });
  let sequence = 0;
  setInterval(() => {
    const id = `${i}-${++sequence}`;
    const frame = { type: 2, id, action: 'Heartbeat', payload: {} } as const;
    const text = JSON.stringify([2, id, 'Heartbeat', {}]);
    void connection.forward({ frame, text, receivedAt: Date.now(), sequence });
  }, 50);
}
process.stdout.write('ready\n');
