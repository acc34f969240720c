/**
 * The helm release that skaffold.yaml names, read from it, so that the tests install what a developer
 * gets. Skaffold fills `{{.IMAGE_REPO_x}}` and `{{.IMAGE_TAG_x}}` with the image it built; so do we.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface Image {
  readonly repository: string;
  readonly tag: string;
}

interface HelmRelease {
  readonly name: string;
  readonly chartPath: string;
  readonly namespace: string;
  readonly setValues?: Readonly<Record<string, string>>;
  readonly setValueTemplates: Readonly<Record<string, string>>;
}

interface SkaffoldConfig {
  readonly build?: { readonly artifacts: readonly { readonly image: string }[] };
  readonly manifests?: { readonly rawYaml: readonly string[] };
  readonly deploy: { readonly helm?: { readonly releases: readonly HelmRelease[] } };
}

const configs = parseAllDocuments(readFileSync(join(ROOT, 'skaffold.yaml'), 'utf8')).map(
  (document) => document.toJS() as SkaffoldConfig,
);

const only = <T>(what: string, found: readonly T[]): T => {
  const [first, second] = found;
  if (first === undefined || second !== undefined) throw new Error(`skaffold.yaml should name one ${what}`);
  return first;
};

/** Image name that skaffold builds. */
export const imageName = only(
  'artifact',
  configs.flatMap((config) => config.build?.artifacts ?? []),
).image;
export const release = only(
  'helm release',
  configs.flatMap((config) => config.deploy.helm?.releases ?? []),
);
export const exampleFile = only(
  'manifest',
  configs.flatMap((config) => config.manifests?.rawYaml ?? []),
);

/**
 * Arguments of `helm` that install the release with this image, or upgrade it to this image.
 * @param sources folder whose chart is installed
 */
export function upgradeArguments(image: Image, sources = ROOT): string[] {
  const artifact = imageName.replaceAll(/[^a-zA-Z0-9]/g, '_');
  const known: Readonly<Record<string, string>> = {
    [`{{.IMAGE_REPO_${artifact}}}`]: image.repository,
    [`{{.IMAGE_TAG_${artifact}}}`]: image.tag,
  };
  const values = Object.entries({ ...release.setValues, ...release.setValueTemplates }).map(
    ([path, text]) => {
      const value = text.replaceAll(/\{\{.*?\}\}/g, (template) => {
        const filled = known[template];
        if (filled === undefined) throw new Error(`skaffold.yaml, ${path}: no value for ${template}`);
        return filled;
      });
      return `--set-string=${path}=${value}`;
    },
  );
  return [
    'upgrade',
    '--install',
    release.name,
    join(sources, release.chartPath),
    `--namespace=${release.namespace}`,
    ...values,
    '--wait',
    '--timeout=2m',
  ];
}
