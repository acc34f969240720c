/**
 * `npm run schemas`: skaffold.yaml against the schema that its release publishes, test/e2e/kind.yaml against kind's own types,
 * strictly, and the GitHub workflows by actionlint. All are fetched as Go modules, so it needs Go and a network, and is no part of
 * `npm test`.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Ajv } from 'ajv';
import { parseAllDocuments } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');
const SKAFFOLD = 'github.com/GoogleContainerTools/skaffold/v2@v2.16.1';
const KIND = 'sigs.k8s.io/kind@v0.33.0';
const ACTIONLINT = 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12';
const YAML = 'go.yaml.in/yaml/v3@v3.0.4';

const STRICT_KIND = `package main

import (
	"bytes"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		err = decoder.Decode(&v1alpha4.Cluster{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`;

/** Writes the workflows with versions for commits (`@v5 # …`): actionlint knows the inputs of actions by version. @returns the folder */
function workflowsByVersion(): string {
  const root = join(folder, 'workflows');
  const target = join(root, '.github/workflows');
  mkdirSync(target, { recursive: true });
  mkdirSync(join(root, '.git'));
  for (const file of globSync('.github/workflows/*.yaml', { cwd: ROOT })) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    writeFileSync(join(target, basename(file)), text.replaceAll(/@[0-9a-f]{40} # (v\d+)\S*/g, '@$1'));
  }
  return root;
}

const folder = mkdtempSync(join(tmpdir(), 'ocpp-schemas-'));
const run = (cwd: string, program: string, ...args: readonly string[]) =>
  execFileSync(program, args, {
    cwd,
    env: { ...process.env, GOBIN: folder },
    encoding: 'utf8',
    // What these programs say against a file goes to their output.
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 300_000,
  });
const go = (...args: readonly string[]) => run(folder, 'go', ...args);

try {
  go('mod', 'init', 'schemas');
  const { Dir } = JSON.parse(go('mod', 'download', '-json', SKAFFOLD)) as { Dir: string };
  const text = readFileSync(join(ROOT, 'skaffold.yaml'), 'utf8');
  for (const document of parseAllDocuments(text)) {
    const config = document.toJS() as { apiVersion: string; metadata: { name: string } };
    const { name } = config.metadata;
    const version = config.apiVersion.replace('skaffold/', '');
    const schema = readFileSync(join(Dir, 'docs-v2/content/en/schemas', `${version}.json`), 'utf8');
    const check = new Ajv({ strict: false, validateSchema: false }).compile(JSON.parse(schema) as object);
    if (!check(config)) throw new Error(`skaffold.yaml, ${name}: ${JSON.stringify(check.errors)}`);
    console.log(`skaffold.yaml, ${name}: as ${version} of ${SKAFFOLD} wants it`);
  }
  writeFileSync(join(folder, 'main.go'), STRICT_KIND);
  go('get', KIND, YAML);
  go('run', '.', join(ROOT, 'test/e2e/kind.yaml'));
  console.log(`test/e2e/kind.yaml: as ${KIND} wants it`);
  go('install', ACTIONLINT);
  run(workflowsByVersion(), join(folder, 'actionlint'), '-oneline');
  console.log(`.github/workflows: as ${ACTIONLINT} wants them`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
