/** `npm run e2e`: one after the other on one cluster, with time for Pods to start. */
export default {
  extensions: ['ts'],
  files: ['test/e2e/*.test.ts'],
  timeout: '10m',
  serial: true,
  concurrency: 1,
  failFast: false,
  workerThreads: false,
};
