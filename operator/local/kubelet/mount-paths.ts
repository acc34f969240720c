/** Paths inside a container as paths of this machine. */
import type { Container } from '../kinds.ts';
import { expand } from './environment.ts';

/** The container with variables expanded and its mount paths replaced by the folders of the volumes. */
export function localise(
  container: Container,
  env: Readonly<Record<string, string>>,
  folders: ReadonlyMap<string, string>,
): Container {
  const place = (text: string) => inFolders(expand(text, env), container, folders);
  const { command, args, ...rest } = container;
  return {
    ...rest,
    ...(command === undefined ? {} : { command: command.map(place) }),
    ...(args === undefined ? {} : { args: args.map(place) }),
  };
}

export function inFolders(text: string, container: Container, folders: ReadonlyMap<string, string>): string {
  return (container.volumeMounts ?? []).reduce((result, { name, mountPath }) => {
    const folder = folders.get(name);
    return folder === undefined ? result : withFolder(result, mountPath, folder);
  }, text);
}

/** Replaces `path` in `text`, as a whole path or a prefix of one. */
function withFolder(text: string, path: string, folder: string): string {
  const escaped = path.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return text.replace(new RegExp(`(?<![\\w/.-])${escaped}(?![\\w.-])`, 'g'), () => folder);
}
