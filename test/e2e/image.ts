/**
 * Builds the image from the Dockerfile and makes the cluster's nodes have it. How depends on the
 * machine: E2E_IMAGE_COMMAND, a shell command that gets IMAGE, VERSION and DOCKERFILE; where it is not set,
 * docker and kind.
 */
import { spawn } from 'node:child_process';
import { type Image, imageName, ROOT } from './release.ts';

const DOCKER_AND_KIND =
  'docker build --file "$DOCKERFILE" --tag "$IMAGE" --build-arg VERSION="$VERSION" . && ' +
  'kind load docker-image "$IMAGE" --name "${KIND_CLUSTER:-ocpp}"';

export interface Source {
  /** Relative to the folder. */
  readonly dockerfile?: string;
  /** With all that the Dockerfile copies. */
  readonly folder?: string;
}

/** Each version is an image of its own, with its own digest. */
export async function provideImage(
  version: string,
  { dockerfile = 'Dockerfile', folder = ROOT }: Source = {},
): Promise<Image> {
  const image = { repository: imageName, tag: version };
  const command = process.env['E2E_IMAGE_COMMAND'] ?? DOCKER_AND_KIND;
  await shell(command, folder, {
    IMAGE: `${image.repository}:${image.tag}`,
    VERSION: version,
    DOCKERFILE: dockerfile,
  });
  return image;
}

function shell(command: string, cwd: string, env: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', command], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) return resolve();
      reject(
        new Error(`this command ended with ${code} (E2E_IMAGE_COMMAND sets another): ${command}\n${output}`),
      );
    });
  });
}
