/** `node dying-processor.ts host:port [release]`: a processor that is killed by every message with the id "poison". */
import { createTransport } from '../../../services/library/transport-factory.ts';
import { counted } from './processes.ts';

const transport = createTransport({
  kind: 'redis',
  name: 'dying',
  redis: { addr: process.argv[2] ?? '', db: 0, clientTimeoutMs: 5000 },
  channelPrefix: 'ocpp',
  leaseMs: 400,
  release: process.argv[3] ?? '',
});
transport.onError(() => undefined);
transport.onMessage(async (delivery) => {
  if (delivery.frame.id === 'poison') process.kill(process.pid, 'SIGKILL');
  return counted(delivery);
});
await transport.start();
