/** The files of the console, as the API serves them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import test from 'ava';
import { memoryApi } from './memory-api.ts';

const PAGE = '<!doctype html><title>console</title>';

function built(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-console-'));
  writeFileSync(join(folder, 'index.html'), PAGE);
  writeFileSync(join(folder, 'index.html.br'), brotliCompressSync(PAGE));
  writeFileSync(join(folder, 'main-1234.js'), 'void 0');
  return folder;
}

test('the page needs no access token; its policy permits scripts of its own files only', async (t) => {
  const folder = built();
  t.teardown(() => rmSync(folder, { recursive: true }));
  await using api = await memoryApi({ consoleFolder: folder }).api;
  const page = await api.inject('/');
  t.is(page.statusCode, 200);
  t.is(page.body, PAGE);
  t.is(page.headers['cache-control'], 'no-cache');
  const policy = String(page.headers['content-security-policy']);
  t.regex(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  t.notRegex(policy, /unsafe|\*|https?:/);
  t.is(page.headers['x-content-type-options'], 'nosniff');
  const compressed = await api.inject({ url: '/', headers: { 'accept-encoding': 'br' } });
  t.is(compressed.headers['content-encoding'], 'br');
  t.regex(String(compressed.headers['vary']), /accept-encoding/);
  const script = await api.inject('/main-1234.js');
  t.is(script.headers['cache-control'], 'public, max-age=31536000, immutable');
  t.truthy(script.headers['content-security-policy']);
});

test('every other path stays one of the API', async (t) => {
  const folder = built();
  t.teardown(() => rmSync(folder, { recursive: true }));
  await using api = await memoryApi({ consoleFolder: folder }).api;
  for (const url of [
    '/nothing',
    '/index.html.br',
    '/../package.json',
    '/%2e%2e/package.json',
    '/v1/nothing',
  ]) {
    const answer = await api.inject(url);
    t.is(answer.statusCode, 404, url);
    t.is(answer.json<{ code: string }>().code, 'not-found', url);
  }
  t.false((await api.inject('/openapi.json')).body.includes('main-1234'));
});

test('where the console was not built, the API is the same without it', async (t) => {
  await using api = await memoryApi({ consoleFolder: '/no/such/folder' }).api;
  t.is((await api.inject('/')).statusCode, 404);
  t.is((await api.inject('/v1/status')).statusCode, 200);
});
