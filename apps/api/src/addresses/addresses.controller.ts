import { Controller, HttpCode, Inject, Post, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseBlueprint } from '#libs/blueprint';
import { FeedRefusedError, mediaTypes, previewAddresses, type AddressPreview } from '#libs/feeds';
import { findBlueprint, previewOrigins, readBlueprintVersion, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken, Problem } from '#libs/platform';
import { sourceNameSchema } from '#libs/vocabulary';
import { Answers, Problems } from '../described.js';
import { declarationOf, withBody } from '../feeds/feed-bodies.js';
import { bytesMax, tooLarge } from '../feeds/feeds.service.js';
import { previewSchema } from './addresses.schemas.js';
import { previewCsv, previewJson } from './preview-formats.js';

const querySchema = z.strictObject({
  blueprint: z.string().min(1).meta({ description: 'Name or id of a stored blueprint.' }),
  version: z.coerce.number().int().min(1).optional().meta({ description: 'Left out: the newest.' }),
  source: sourceNameSchema.meta({ description: 'The source that would deliver this feed.' }),
  people: z
    .enum(['all', 'notable'])
    .default('all')
    .meta({ description: 'notable: only who is held, numbered or has an alternative, and rejected rows.' }),
  limit: z.coerce.number().int().min(0).max(2_000_000).optional().meta({ description: 'At most so many people.' }),
  format: z.enum(['json', 'csv']).optional().meta({ description: 'Left out: what Accept asks for, else JSON.' }),
});
type Query = z.infer<typeof querySchema>;

/** Each takes a connection and some seconds of the processor for a large company. */
const previewsAtOnce = 1;

/** Which addresses people would get, asked before anything is delivered. */
@ApiTags('addresses')
@Controller('v1/addresses')
export class AddressesController {
  private running = 0;

  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Post('preview')
  @HttpCode(200)
  @Allow('operator')
  @ApiConsumes(...mediaTypes)
  @ApiHeader({ name: 'Content-Encoding', required: false, description: 'gzip, or left out' })
  @ApiOperation({
    summary: 'Tells which addresses the people of a feed would get; stores and reserves nothing',
    description: 'The body is a feed as a delivery takes it. The answer streams, in the order of the file.',
  })
  @ApiProduces('application/json', 'text/csv')
  @Answers(200, previewSchema)
  @Problems('invalid-field', 'not-found', 'media-type', 'too-large', 'too-many-requests', 'unprocessable', 'timed-out')
  async preview(
    @Query({ schema: querySchema }) query: Query,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const feed = { ...declarationOf(request, reply), source: query.source, receivedAt: new Date() };
    const { name, version, blueprint } = await this.blueprintOf(query);
    if (this.running >= previewsAtOnce) {
      throw new Problem('too-many-requests', 'Another preview is under way: ask again when it is done.');
    }
    this.running += 1;
    const ended = () => (this.running -= 1);
    try {
      const preview = await withBody(request, (body) =>
        previewAddresses(this.ledger, { ...feed, blueprint }, buffers(body), never),
      );
      const answer = answerOf({ blueprint: { name, version }, source: query.source }, preview, query, request);
      answer.stream.once('close', () => {
        preview.close();
        ended();
      });
      void reply.header('content-type', answer.type);
      return new StreamableFile(answer.stream);
    } catch (error) {
      ended();
      throw error instanceof FeedRefusedError
        ? new Problem('unprocessable', error.message, {}, { cause: error })
        : error;
    }
  }

  private async blueprintOf({ blueprint: idOrName, version: wanted }: Query) {
    const found = await findBlueprint(this.ledger.db, idOrName, wanted);
    if (found === undefined) throw new Problem('not-found', 'There is no such blueprint, or no such version of it.');
    const { name, version } = found;
    const parsed = parseBlueprint(await readBlueprintVersion(this.ledger.db, found.id, version));
    if ('blueprint' in parsed) return { name, version, blueprint: parsed.blueprint };
    throw new Problem('unprocessable', 'The blueprint no longer passes: check it, and store it anew.');
  }
}

function answerOf(of: object, preview: AddressPreview, query: Query, request: FastifyRequest) {
  const which = { notable: query.people === 'notable', limit: query.limit ?? null };
  const format = query.format ?? (request.headers.accept?.includes('text/csv') === true ? 'csv' : 'json');
  if (format === 'csv') return { type: 'text/csv; charset=utf-8', stream: previewCsv(preview, which) };
  const stream = previewJson({ ...of, ...countsOf(preview) }, preview, which);
  return { type: 'application/json', stream };
}

/** A preview ends with its body; nothing else stops it. */
const never = new AbortController().signal;

async function* buffers(body: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body) {
    const piece = chunk instanceof Buffer ? chunk : Buffer.from(String(chunk));
    size += piece.length;
    if (size > bytesMax) throw tooLarge();
    yield piece;
  }
}

function countsOf({ counts, listedAt }: AddressPreview) {
  const byOrigin = Object.fromEntries(previewOrigins.map((how) => [how, 0]));
  const reasons: Record<string, number> = {};
  let rows = 0;
  for (const { how, reason, count } of counts) {
    rows += count;
    byOrigin[how] = (byOrigin[how] ?? 0) + count;
    if (reason !== null) reasons[reason] = (reasons[reason] ?? 0) + count;
  }
  return { listedAt, rows, counts: byOrigin, reasons };
}
