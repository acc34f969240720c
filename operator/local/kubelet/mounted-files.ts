/** The files of a mounted Secret or ConfigMap. */
import { mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

type Files = Readonly<Record<string, string>>;

/** Readable for this user only. */
async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
}

/** Replaces all files at once, as the kubelet does: they are links through `..data`, which gets another target. */
export async function replaceFiles(folder: string, files: Files): Promise<void> {
  const link = join(folder, '..data');
  const former = await readlink(link).catch(() => undefined);
  const next = `..${Number(former?.slice(2) ?? 0) + 1}`;
  // Left by a run that ended meanwhile.
  await rm(join(folder, next), { recursive: true, force: true });
  await mkdir(join(folder, next), { recursive: true });
  await writeFiles(join(folder, next), files);
  await rm(`${link}_tmp`, { force: true });
  await symlink(next, `${link}_tmp`);
  await rename(`${link}_tmp`, link);
  const there = new Set((await readdir(folder)).filter((name) => !name.startsWith('..')));
  for (const name of Object.keys(files)) {
    if (!there.delete(name)) await symlink(join('..data', name), join(folder, name));
  }
  for (const name of there) await rm(join(folder, name), { force: true });
  if (former !== undefined) await rm(join(folder, former), { recursive: true, force: true });
}
