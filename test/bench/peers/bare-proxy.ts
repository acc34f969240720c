/**
 * The least that a proxy before Redis costs with the same libraries: it enqueues each text as it is, those of one turn of the event loop with one
 * command, and writes what comes back. PORT says where stations connect, REDIS_PORT where Redis is.
 */
import { Redis } from 'ioredis';
import { type WebSocket, WebSocketServer } from 'ws';

const MOST = 256;
const port = Number(process.env['REDIS_PORT']);
const redis = new Redis(port);
const reader = new Redis(port);
const sockets = new Map<string, WebSocket>();
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.env['PORT']),
  perMessageDeflate: false,
  handleProtocols: (offered) => [...offered][0] ?? false,
});

let entries: string[] = [];
function enqueue(entry: string): void {
  if (entries.push(entry) > 1) return;
  setImmediate(() => {
    void redis.lpush('requests', ...entries);
    entries = [];
  });
}

let count = 0;
server.on('connection', (socket) => {
  const id = String(++count);
  sockets.set(id, socket);
  socket.on('close', () => sockets.delete(id));
  socket.on('message', (data: Buffer) => enqueue(`${id} ${data.toString()}`));
});

for (;;) {
  const [, responses = []] = (await reader.blmpop(0, 1, 'responses', 'RIGHT', 'COUNT', MOST)) ?? [];
  for (const response of responses) {
    const end = response.indexOf(' ');
    sockets.get(response.slice(0, end))?.send(response.slice(end + 1));
  }
}
