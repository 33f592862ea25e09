import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

/** The OpenAPI description of all routes, made from the very schemas that check the requests. */
export class OpenApiDocument {
  private document: OpenAPIObject | undefined;
  private make: (() => OpenAPIObject) | undefined;

  describe(app: INestApplication): void {
    const settings = new DocumentBuilder()
      .setTitle('Bascule')
      .setDescription(
        'Moves a whole company onto Google Workspace. Errors are problem details (RFC 9457) with a stable `type`.',
      )
      .setVersion('1')
      .addBearerAuth({ type: 'http', scheme: 'bearer' }, 'token')
      .addSecurityRequirements('token')
      .build();
    this.make = () => SwaggerModule.createDocument(app, settings);
  }

  /** Made at the first question: it takes longer than a start should. */
  get(): OpenAPIObject {
    this.document ??= this.make?.();
    if (this.document === undefined) throw new Error('the application is not complete yet');
    return this.document;
  }
}
