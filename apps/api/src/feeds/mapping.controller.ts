import { Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { fileInMemory, FeedRefusedError, guessMapping, mediaTypes, type MappingGuess } from '#libs/feeds';
import { readSourceSettings, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken, Problem } from '#libs/platform';
import { Answers, countSchema, Problems } from '../described.js';
import { declarationOf, withBody } from './feed-bodies.js';
import { sourceOf } from './source-name.js';

const words = z.record(z.string(), z.string()).optional();
const guessSchema = z.object({
  file: z
    .object({
      encoding: z.string().optional(),
      delimiter: z.string().optional(),
      columns: z.record(z.string(), z.string()),
      dates: z.string().optional(),
      decimal: z.string().optional(),
      fte: z.string().optional(),
      words: z.object({ status: words, worker_type: words, country: words }).optional(),
    })
    .describe('A section `file` of the source’s settings, as far as it could be guessed'),
  columns: z.array(
    z.object({
      header: z.string(),
      column: z.string().nullable(),
      sure: z.enum(['certain', 'likely', 'unsure']),
      why: z.array(z.string()),
      shapes: z.array(z.string()).describe('What values look like: letters as a, digits as 9'),
      filled: countSchema,
    }),
  ),
  missing: z.array(z.string()).describe('Required columns that no header seems to mean'),
  decisions: z.array(z.object({ path: z.array(z.string()), question: z.string(), choices: z.array(z.string()) })),
  rows: countSchema.describe('How many rows were looked at'),
});

const bytesMax = 64 * 1024 * 1024;
const unpackedBytesMax = 2 * 1024 * 1024 * 1024;
/** Each may hold a workbook in memory. */
const atOnceMax = 2;

/** What a file of a source seems to mean, for a person to confirm. Nothing of the file is stored or logged. */
@ApiTags('feeds')
@Controller('v1/feeds/:source/mapping')
export class FeedsMappingController {
  private atOnce = 0;

  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Post('guess')
  @HttpCode(200)
  @Allow('feed', 'operator')
  @ApiConsumes(...mediaTypes)
  @ApiOperation({ summary: 'Guesses how a source’s files are to be read, from one or its first part; stores nothing' })
  @Answers(200, guessSchema)
  @Problems('invalid-field', 'media-type', 'too-large', 'unprocessable', 'too-many-requests', 'timed-out')
  async guess(
    @Param('source') source: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MappingGuess> {
    const name = sourceOf(source);
    if (this.atOnce >= atOnceMax) {
      throw new Problem('too-many-requests', 'Other files are being looked at: try again in a moment.');
    }
    this.atOnce += 1;
    try {
      const declaration = declarationOf(request, reply);
      const { file: settings } = await readSourceSettings(this.ledger.db, name);
      const bytes = await withBody(request, firstBytes);
      const bounds = { signal: AbortSignal.timeout(60_000), unpackedBytes: unpackedBytesMax };
      return await guessMapping(fileInMemory(bytes), declaration, settings, bounds);
    } catch (error) {
      throw problemOf(error);
    } finally {
      this.atOnce -= 1;
    }
  }
}

function problemOf(error: unknown): unknown {
  if (error instanceof FeedRefusedError) return new Problem('unprocessable', error.message);
  if (!(error instanceof DOMException) || error.name !== 'TimeoutError') return error;
  return new Problem('timed-out', 'The file could not be looked at within a minute: send a smaller part of it.');
}

async function firstBytes(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > bytesMax) throw new Problem('too-large', 'Send the first part of the file, at most 64 MB of it.');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
