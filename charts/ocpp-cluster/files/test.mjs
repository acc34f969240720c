// Run by `helm test`: a station connects to each listener, sends a Heartbeat and waits for the answer, so that proxy, Redis
// and processor are all there. Tries again until TEST_SECONDS have passed, then ends with exit code 1.
const { STATION_URLS = '', PROTOCOLS = '', TEST_SECONDS = '60' } = process.env;
const DEADLINE = Date.now() + Number(TEST_SECONDS) * 1000;
const ATTEMPT_MS = Math.min(10, Number(TEST_SECONDS)) * 1000;
const ID = 'helm-test';

/** Any answer proves the way there and back, an error of the processor too. */
function heartbeat(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, PROTOCOLS.split(','));
    const fail = (why) => {
      socket.close();
      reject(new Error(why));
    };
    const timer = setTimeout(fail, ATTEMPT_MS, `no answer within ${ATTEMPT_MS / 1000} s`);
    socket.addEventListener('open', () => socket.send(JSON.stringify([2, ID, 'Heartbeat', {}])));
    socket.addEventListener('error', (event) =>
      fail(event.error?.message || event.message || 'the connection was refused'),
    );
    socket.addEventListener('close', ({ code, reason }) => fail(`closed with ${code} ${reason}`));
    socket.addEventListener('message', ({ data }) => {
      const [type, id] = JSON.parse(data);
      if (id !== ID || (type !== 3 && type !== 4)) return;
      clearTimeout(timer);
      resolve(data);
      socket.close(1000);
    });
  });
}

for (const url of STATION_URLS.split(',')) {
  for (;;) {
    try {
      console.log(`ok: ${url} answered ${await heartbeat(url)}`);
      break;
    } catch (error) {
      if (Date.now() > DEADLINE) {
        console.error(`FAILED: ${url}: ${error.message}`);
        process.exit(1);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
