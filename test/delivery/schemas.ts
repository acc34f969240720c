/**
 * `npm run schemas`: skaffold.yaml against the schema that its release publishes, and test/e2e/kind.yaml against kind's own types,
 * strictly. Both are fetched as Go modules, so it needs Go and a network, and is no part of `npm test`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { parseAllDocuments } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');
const SKAFFOLD = 'github.com/GoogleContainerTools/skaffold/v2@v2.16.1';
const KIND = 'sigs.k8s.io/kind@v0.30.0';
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

const folder = mkdtempSync(join(tmpdir(), 'ocpp-schemas-'));
const go = (...args: readonly string[]) =>
  execFileSync('go', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
  });

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
} finally {
  rmSync(folder, { recursive: true, force: true });
}
