import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fastifyStatic } from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '#libs/platform';

const notBuilt = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Bascule</title>
  </head>
  <body>
    <h1>Bascule</h1>
    <p>The dashboard is not built. Run <code>npm run build</code> and start again. The API is described at
    <a href="/docs">/docs</a>.</p>
  </body>
</html>
`;

/** Serves the dashboard's files, which hold no data, to anybody; a plain page while it is not built. */
export async function serveDashboard(app: NestFastifyApplication, config: Config): Promise<void> {
  const root = join(config.projectFolder, 'dist', 'dashboard');
  if (!existsSync(join(root, 'index.html'))) {
    const fastify = app.getHttpAdapter().getInstance();
    fastify.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(notBuilt));
    return;
  }
  await app.register(fastifyStatic, {
    root,
    // Only files that were there at the start: no path of a request ever reaches the file system.
    wildcard: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      // The build puts a hash of the content into the names of all files but the page itself.
      const isHashed = path.includes('/assets/');
      void reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
