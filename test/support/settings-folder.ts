/** A folder of settings that is replaced as the kubelet does: all files at once, by another target of the link `..data`. */
import { mkdtemp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class SettingsFolder implements AsyncDisposable {
  readonly path: string;
  #version = 0;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(texts: Readonly<Record<string, string>>): Promise<SettingsFolder> {
    const folder = new SettingsFolder(await mkdtemp(join(tmpdir(), 'ocpp-settings-')));
    await folder.replace(texts);
    return folder;
  }

  async replace(texts: Readonly<Record<string, string>>): Promise<void> {
    const former = `..${this.#version}`;
    this.#version += 1;
    const next = `..${this.#version}`;
    await mkdir(join(this.path, next));
    for (const [name, text] of Object.entries(texts)) {
      await writeFile(join(this.path, next, name), text);
      await symlink(join('..data', name), join(this.path, name)).catch(() => undefined);
    }
    await symlink(next, join(this.path, '..data_tmp'));
    await rename(join(this.path, '..data_tmp'), join(this.path, '..data'));
    await rm(join(this.path, former), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
