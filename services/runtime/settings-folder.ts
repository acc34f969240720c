/**
 * The files of a mounted ConfigMap: one per variable, its text as in the environment. The kubelet replaces all of them at once:
 * it makes another folder and lets the link `..data` point to it. Notifications of the file system miss that on some nodes, so
 * the folder is read from time to time.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentsOf, isMissing } from './followed-folder.ts';

/** Characters of a text at most; a longer file is no setting. The longest that the CRD permits have less than 6000. */
export const MAX_TEXT = 20_000;

/**
 * The texts of these variables; a file that is not there is absent. Undefined: the folder is being replaced, try again.
 * @throws Error when the folder or a file cannot be read
 */
export async function readSettingsFolder(
  folder: string,
  names: readonly string[],
): Promise<Readonly<Record<string, string>> | undefined> {
  const before = await contentsOf(folder);
  const texts = await Promise.all(
    names.map(async (name) => [name, await textOf(join(before, name))] as const),
  );
  // Files of the former folder disappear, and would count as absent.
  if ((await contentsOf(folder)) !== before) return undefined;
  return Object.fromEntries(
    texts.filter((entry): entry is readonly [string, string] => entry[1] !== undefined),
  );
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (text.length > MAX_TEXT) throw new Error(`${file}: longer than ${MAX_TEXT} characters`);
    return text;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
