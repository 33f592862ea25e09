import { ApiExtension, ApiResponse } from '@nestjs/swagger';
import { applyDecorators } from '@nestjs/common';
import { z } from 'zod';
import type { ProblemName } from '#libs/platform';

export const problemsExtension = 'x-problems';

/** Says which problems a route answers, beside those that every route does; see OpenApiDocument. */
export const Problems = (...names: ProblemName[]) => ApiExtension(problemsExtension, names);

/** Says what a route answers when all is well. */
export const Answers = (status: number, schema: z.ZodType, description?: string) =>
  applyDecorators(ApiResponse({ status, standardSchema: schema, ...(description !== undefined && { description }) }));

/** RFC 3339, UTC. */
export const momentSchema = z.iso.datetime({ offset: true });

export const countSchema = z.int().min(0);

/** One count a word; every word is there. */
export const countsOf = <Word extends string>(words: readonly Word[]) => z.record(z.enum(words), countSchema);
