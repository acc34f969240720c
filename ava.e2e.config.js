/** `npm run e2e`: one after the other on one cluster, with time for Pods to start. */
import './ava.tap.js';
import { spawnSync } from 'node:child_process';
import { RELEASE } from './test/rollout-trial/earlier-release.ts';

const UPGRADE = 'test/e2e/upgrade.test.ts';
/** A shallow clone has no earlier release to build. */
const hasRelease = spawnSync('git', ['cat-file', '-e', `${RELEASE.commit}^{commit}`]).status === 0;
if (!hasRelease) {
  process.stderr.write(
    `LEFT OUT: ${UPGRADE}, the upgrade from ${RELEASE.version}: this clone has no commit ${RELEASE.commit.slice(0, 12)}. ` +
      'git fetch --unshallow brings it\n',
  );
}

export default {
  extensions: ['ts'],
  files: ['test/e2e/**/*.test.ts', ...(hasRelease ? [] : [`!${UPGRADE}`])],
  timeout: '10m',
  serial: true,
  concurrency: 1,
  failFast: false,
  workerThreads: false,
};
