import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { ApiClient } from './api-client.js';

/** What every verb has: the way to the API, and where it writes. */
export interface Context {
  readonly api: ApiClient;
  readonly json: boolean;
  print(text: string): void;
  /** Shows a value: as JSON under --json, else by the given view. */
  show<T>(value: T, view: (value: T) => string): void;
}

export type Verb = (program: Command, context: (command: Command) => Context) => void;

const optionsSchema = z.object({ api: z.string(), token: z.string().optional(), json: z.boolean().default(false) });

/** A mistake of the person at the keyboard, told in one line. */
export class UsageError extends Error {}

export function contextOf(command: Command, write: (text: string) => void): Context {
  const { api, token, json } = optionsSchema.parse(command.optsWithGlobals());
  if (token === undefined || token === '') throw new UsageError('no token: set BASCULE_TOKEN, or give --token');
  if (!URL.canParse(api)) throw new UsageError(`${api} is no address: set BASCULE_API, such as http://127.0.0.1:8080`);
  return {
    api: new ApiClient(api, token),
    json,
    print: (text) => write(`${text}\n`),
    show: (value, view) => write(`${json ? JSON.stringify(value, null, 2) : view(value)}\n`),
  };
}

/** The text of a file that was named on the command line. */
export function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: is the path right?`, { cause: error });
  }
}

/** The document in a YAML file that was named on the command line; an empty one is an empty object. */
export function yamlIn(file: string): unknown {
  const text = fileText(file);
  try {
    return parse(text) ?? {};
  } catch (error) {
    throw new UsageError(`${file} is not YAML: ${error instanceof Error ? error.message : ''}`, { cause: error });
  }
}
