/**
 * What a user would take instead for one process without Redis: ocpp-rpc, answering from memory.
 * PORT says where; STRICT=1 turns its check of payloads on, which ours always does.
 */
import { RPCServer } from 'ocpp-rpc';

const server = new RPCServer({
  protocols: ['ocpp1.6', 'ocpp2.0.1'],
  strictMode: process.env['STRICT'] === '1',
});
server.auth((accept) => accept({}));
server.on('client', (client) => {
  client.handle('BootNotification', () => ({
    status: 'Accepted',
    currentTime: new Date().toISOString(),
    interval: 300,
  }));
  client.handle('Heartbeat', () => ({ currentTime: new Date().toISOString() }));
  client.handle('StartTransaction', () => ({ transactionId: 1, idTagInfo: { status: 'Accepted' } }));
  client.handle('StopTransaction', () => ({}));
  client.handle('Authorize', () => ({ idTagInfo: { status: 'Accepted' } }));
  client.handle('MeterValues', () => ({}));
  client.handle('StatusNotification', () => ({}));
});
await server.listen(Number(process.env['PORT']), '127.0.0.1');
