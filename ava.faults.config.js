/** `npm run faults`: what takes minutes and needs a kube-apiserver of its own. */
import './ava.tap.js';
export default {
  extensions: ['ts'],
  files: ['test/faults/*.test.ts'],
  timeout: '10m',
  failFast: false,
  workerThreads: false,
};
