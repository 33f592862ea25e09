import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Get, Header, Param, StreamableFile } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Allow, Problem } from '#libs/platform';
import { OpenApiDocument } from './open-api-document.js';

// Swagger UI comes with Nest's OpenAPI package; no page of ours loads anything from another host.
const fromNest = createRequire(createRequire(import.meta.url).resolve('@nestjs/swagger'));
const files = dirname(fromNest.resolve('swagger-ui-dist/package.json'));

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Bascule: API</title>
    <link rel="stylesheet" href="/docs/files/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/files/swagger-ui-bundle.js"></script>
    <script src="/docs/files/start.js"></script>
  </body>
</html>
`;

const starter = `SwaggerUIBundle({ url: '/docs/openapi.json', dom_id: '#swagger-ui', validatorUrl: null });\n`;

const mediaTypes = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
]);

@ApiExcludeController()
@Controller('docs')
@Allow('viewer', 'feed')
export class DocsController {
  constructor(private readonly document: OpenApiDocument) {}

  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  page(): string {
    return page;
  }

  @Get('openapi.json')
  openApi() {
    return this.document.get();
  }

  @Get('files/start.js')
  @Header('content-type', 'text/javascript; charset=utf-8')
  starter(): string {
    return starter;
  }

  @Get('files/:name')
  file(@Param('name') name: string): StreamableFile {
    const type = mediaTypes.get(name);
    if (type === undefined) throw new Problem('not-found');
    return new StreamableFile(createReadStream(join(files, name)), { type });
  }
}
