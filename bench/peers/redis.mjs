// A redis-server of our own on a free port, with its append-only file in the directory of the bench.
import { spawn, spawnSync } from 'node:child_process';
import { createServer, connect } from 'node:net';

/** Why there is no Redis, or undefined when there is one. */
export function redisMissing() {
  const { error } = spawnSync('redis-server', ['--version']);
  return error === undefined
    ? undefined
    : 'redis-server is not installed (Debian: apt-get install redis-server)';
}

async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

/** Starts Redis with `appendfsync` as told; `stop()` ends it. */
export async function startRedis(dir, appendfsync) {
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
  options.push('--appendonly', 'yes', '--appendfsync', appendfsync, '--loglevel', 'warning');
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 100 || server.exitCode !== null)
      throw new Error(`redis-server did not start on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    stop: async () => {
      server.kill('SIGTERM');
      await ended;
    },
  };
}
