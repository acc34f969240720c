/** The sources of release 0.1.0, from which the trial upgrades. No image of it was ever published, so it is built. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shell } from '../e2e/kubectl.ts';
import { ROOT } from '../e2e/release.ts';

/**
 * The last commit of version 0.1.0: charts, Dockerfile and resource definition are complete, and all later
 * changes are part of the upgrade. It renders revision 2; test/operator/golden has revision 1.
 */
export const RELEASE = {
  version: '0.1.0',
  commit: '5f8669ddb1fed9122eadd8a4a94b8f24854df4ac',
} as const;

/**
 * Writes all files of a commit to a new folder. The repository is not changed, not even by a registered worktree that a run which
 * is interrupted would leave.
 * @throws Error of one line when the commit is not in the repository
 */
export async function checkOut(commit: string, repository = ROOT): Promise<string> {
  await shell(`git cat-file -e '${commit}^{commit}'`, repository).catch(() => {
    throw new Error(`commit ${commit.slice(0, 12)} is not in this clone: git fetch --unshallow`);
  });
  const folder = await mkdtemp(join(tmpdir(), 'ocpp-release-'));
  try {
    await shell(`git archive '${commit}' | tar -x -C '${folder}'`, repository);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
