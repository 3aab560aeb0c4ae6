/** Runs Neon's driver, which speaks to PostgreSQL through a WebSocket. The modules are not installed here. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { compareDriver } from './compare.ts';

const { Pool, neonConfig } = await import(String('@neondatabase/serverless'));
const { WebSocket, WebSocketServer } = await import(String('ws'));
const { drizzle } = await import(String('drizzle-orm/neon-serverless'));

const [url = ''] = process.argv.slice(2);
const { hostname, port } = new URL(url);

// In place of Neon's proxy.
const bridge = new WebSocketServer({ host: '127.0.0.1', port: 0 });
bridge.on('connection', (socket: InstanceType<typeof WebSocket>) => {
  const server = connect(Number(port), hostname);
  socket.on('message', (data: Buffer) => server.write(data));
  server.on('data', (data) => socket.send(data));
  for (const event of ['close', 'error']) {
    server.on(event, () => socket.close());
    socket.on(event, () => server.destroy());
  }
});
await once(bridge, 'listening');
neonConfig.webSocketConstructor = WebSocket;
neonConfig.useSecureWebSocket = false;
neonConfig.pipelineConnect = false;
neonConfig.wsProxy = () => `127.0.0.1:${bridge.address().port}`;

const pool = new Pool({ connectionString: url, max: 2 });
// Without a listener, a lost idle connection would end the process.
pool.on('error', () => {});
await compareDriver(url, drizzle({ client: pool }), {
  'a lost network': async () => {
    for (const socket of bridge.clients) socket.terminate();
  },
});
