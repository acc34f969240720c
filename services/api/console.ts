/**
 * The console: static files beside the API, of the same origin. They need no access token, as they hold nothing; the page asks for one.
 * The policy permits nothing but its own files, and no text of a station can become a script.
 */
import fastifyStatic from '@fastify/static';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';

/** In the image, beside the bundle; for sources, where services/console/build.ts writes it. */
const FOLDERS = [join(import.meta.dirname, 'console'), join(import.meta.dirname, '../console/dist')];

export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Serves nothing where the console was not built. @param folder of its files */
export async function serveConsole(app: FastifyInstance, folder?: string): Promise<void> {
  const root = [folder ?? FOLDERS].flat().find((one) => existsSync(join(one, 'index.html')));
  if (root === undefined) return;
  await app.register(fastifyStatic, {
    root,
    preCompressed: true,
    index: ['index.html'],
    // Only files that are there when the program starts: every other path stays a path of the API.
    wildcard: false,
    allowedPath: (path) => !/\.(?:br|gz)$/.test(path),
    cacheControl: false,
    schemaHide: true,
    setHeaders(reply, path) {
      // The names of all others change with their content.
      const isPage = /index\.html(?:\.\w+)?$/.test(path);
      void reply.header('cache-control', isPage ? 'no-cache' : 'public, max-age=31536000, immutable');
      void reply.headers(HEADERS);
    },
  });
}
