/**
 * The files of a mounted Secret or ConfigMap as one state: all of them from before a change, or all from after it. The kubelet replaces
 * them at once: it makes another folder and lets the link `..data` point to it.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A Secret has at most 1 MiB (Kubernetes, Secret size limit). */
const MAX_BYTES = 2 ** 20;

/**
 * The files by name, without hidden ones. Undefined: the folder is being replaced, try again.
 * @throws Error when the folder or a file cannot be read, or is larger than a Secret
 */
export async function readFolder(folder: string): Promise<ReadonlyMap<string, Buffer> | undefined> {
  const before = await contentsOf(folder);
  const files = new Map<string, Buffer>();
  let left = MAX_BYTES;
  try {
    for (const name of (await readdir(before)).sort()) {
      const file = join(before, name);
      const { size, isFile } = await sizeOf(file);
      if (name.startsWith('.') || !isFile) continue;
      left -= size;
      if (left < 0) throw new Error(`${folder}: the files have more than ${MAX_BYTES} bytes`);
      files.set(name, await readFile(file));
    }
  } catch (error) {
    if ((await contentsOf(folder)) !== before) return undefined;
    throw error;
  }
  return (await contentsOf(folder)) === before ? files : undefined;
}

async function sizeOf(file: string): Promise<{ readonly size: number; readonly isFile: boolean }> {
  const found = await stat(file);
  return { size: found.size, isFile: found.isFile() };
}

/** Where the files are now: behind the link, or in the folder itself where nothing replaces them together. */
export async function contentsOf(folder: string): Promise<string> {
  try {
    return await realpath(join(folder, '..data'));
  } catch (error) {
    if (!isMissing(error)) throw error;
    return realpath(folder);
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
