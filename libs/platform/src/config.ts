import { createPrivateKey } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

/** Raised at start-up: one line for each wrong variable, naming it. Values are never repeated, for they may be secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const redisSchemes = ['redis:', 'rediss:', 'redis+sentinel:', 'rediss+sentinel:', 'redis+cluster:', 'rediss+cluster:'];

const urlWithScheme = (schemes: readonly string[], expected: string) =>
  z
    .string()
    .refine((text) => schemes.some((scheme) => text.startsWith(`${scheme}//`) && text.length > scheme.length + 2), {
      error: expected,
    });

const apiRoot = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '');
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback);
  if (url === undefined || !isSafe || url.pathname !== '/' || url.search !== '') {
    context.addIssue('must be the https address of a server, without a path (http only on this machine)');
    return z.NEVER;
  }
  return url.origin;
});

const readableFile = z.string().refine(
  (path) => {
    try {
      accessSync(path, constants.R_OK);
      return true;
    } catch {
      return false;
    }
  },
  { error: 'names a file that cannot be read' },
);

const openedFolder = (access: number, error: string) =>
  z.string().refine(
    (path) => {
      try {
        accessSync(path, access);
        return statSync(path).isDirectory();
      } catch {
        return false;
      }
    },
    { error },
  );

function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

const keyFileSchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(1),
  private_key: z.string().refine(isPrivateKey),
  token_uri: z.url().optional(),
});

const credentials = readableFile.refine(
  (path) => {
    try {
      return keyFileSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).success;
    } catch {
      return false;
    }
  },
  { error: 'names a file that is not the JSON key of a Google service account' },
);

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const environmentSchema = z.object({
  BASCULE_DATABASE_URL: urlWithScheme(['postgres:', 'postgresql:'], 'must begin with postgres://').meta({
    description: 'PostgreSQL (15 or newer): the ledger. `scripts/start` brings up a private server when it is not set.',
    secret: true,
  }),
  BASCULE_REDIS_URL: urlWithScheme(
    redisSchemes,
    'must begin with redis:// or rediss:// (or redis+sentinel://, redis+cluster://)',
  ).meta({
    description:
      'Redis, Valkey or Dragonfly: lanes, quotas, live events. `redis+sentinel://host:port,host:port/0?name=primary` and `redis+cluster://host:port,host:port` are understood. `scripts/start` brings up a private server when it is not set.',
    secret: true,
  }),
  BASCULE_REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9][a-z0-9:-]*$/i, 'may hold letters, digits, : and - only')
    .default('bascule')
    .meta({
      description: 'Begins every key in Redis, so that several deployments can share a server.',
    }),
  BASCULE_HOST: z.string().min(1).default('127.0.0.1').meta({
    description:
      'The interface that the API listens on. Put a proxy that speaks TLS in front of anything but loopback.',
  }),
  BASCULE_PORT: z.coerce.number('must be a port number').int().min(0).max(65_535).default(8080).meta({
    description: 'The port that the API listens on; 0 takes a free one.',
  }),
  BASCULE_GOOGLE_API_ROOT: apiRoot.optional().meta({
    description: 'Where Google’s APIs are: left out for Google itself, else the address of a simulated Workspace.',
  }),
  BASCULE_GOOGLE_CREDENTIALS: credentials.optional().meta({
    description:
      'The key file of a service account with domain-wide delegation; its `token_uri` is honoured. Without it the API runs, but nothing that needs Google does.',
    secret: true,
  }),
  BASCULE_GOOGLE_ADMINS: z
    .string()
    .transform((text) => text.split(',').map((address) => address.trim()))
    .pipe(z.array(z.email('must be e-mail addresses, separated by commas')).min(1))
    .optional()
    .meta({
      description: 'The admins to impersonate, separated by commas: several share the quota that counts per user.',
    }),
  BASCULE_GOOGLE_CUSTOMER: z.string().min(1).default('my_customer').meta({
    description: 'Google’s id of the customer.',
  }),
  BASCULE_GOOGLE_CANARY: z.email('must be an e-mail address').optional().meta({
    description:
      'An employee account known to have Gmail and Calendar, used to tell a general fault from one person’s. Left out: the oldest adopted account with a mailbox, else the first confirmed one.',
  }),
  BASCULE_QUOTAS: readableFile.optional().meta({
    description: 'A YAML file that overrides parts of `config/quotas.yaml`.',
  }),
  BASCULE_FEED_FOLDER: openedFolder(
    constants.R_OK | constants.W_OK | constants.X_OK,
    'names a folder that cannot be read and written',
  )
    .optional()
    .meta({
      description:
        'A folder in which HR systems leave files, a folder a source: see [files that are left](feed-drop.md). Left out: none is watched.',
    }),
  BASCULE_FEED_LOOK_SECONDS: z.coerce.number('must be a number of seconds').min(0.1).max(3_600).default(10).meta({
    description: 'How often is looked for files that HR systems left.',
  }),
  BASCULE_SCIM_REQUESTS_PER_SECOND: z.coerce
    .number('must be a number of requests')
    .int()
    .min(1)
    .max(100_000)
    .default(100)
    .meta({
      description:
        'How many SCIM requests a token may send to one API process in a second, over ten seconds; beyond that it is told to wait (429).',
    }),
  BASCULE_WEBHOOK_TARGETS: z.enum(['public', 'private'], 'must be public or private').default('public').meta({
    description:
      'Where webhooks may lead: `public` is https on the public internet only; `private` also the company’s own networks and this machine.',
  }),
  BASCULE_SFTP_KEYS: openedFolder(constants.R_OK | constants.X_OK, 'names a folder that cannot be read')
    .optional()
    .meta({
      description:
        'A folder of private keys with which Bascule signs in to SFTP servers that it fetches files from; the settings of a source name the file.',
      secret: true,
    }),
  BASCULE_BOOTSTRAP_TOKEN: z
    .string()
    .regex(/^[\w-]{32,}$/, 'must be at least 32 letters, digits, - or _')
    .optional()
    .meta({
      description:
        'The first admin token, taken only while the ledger knows no token at all. `scripts/start` makes one.',
      secret: true,
    }),
  BASCULE_LOG_LEVEL: z
    .enum(logLevels, `must be one of ${logLevels.join(', ')}`)
    .default('info')
    .meta({
      description: `How much is logged: ${logLevels.join(', ')}.`,
    }),
});

/** What a process was told from outside, checked and frozen. */
export interface Config {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly host: string;
  readonly port: number;
  readonly google: {
    /** Undefined means Google's own hosts. */
    readonly apiRoot: string | undefined;
    readonly credentialsFile: string | undefined;
    readonly admins: readonly string[];
    readonly customer: string;
    readonly canary: string | undefined;
  };
  readonly quotasFile: string | undefined;
  /** Where webhooks may lead. */
  /** Of one token, at one API process. */
  readonly scimRequestsPerSecond: number;
  readonly webhookTargets: 'public' | 'private';
  readonly drop: {
    /** Undefined means that no folder is watched. */
    readonly folder: string | undefined;
    readonly lookSeconds: number;
    readonly sftpKeys: string | undefined;
  };
  readonly bootstrapToken: string | undefined;
  readonly logLevel: (typeof logLevels)[number];
  /** The folder that holds `config/` and, once built, `dist/`. */
  readonly projectFolder: string;
}

/**
 * Reads the environment once. An empty variable counts as not set.
 *
 * @throws ConfigError with one line for each wrong variable.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name.startsWith('BASCULE_') && value !== ''),
  );
  const result = environmentSchema.safeParse(given);
  const problems = result.success ? [] : result.error.issues.map((issue) => describe(issue, given));
  if (given['BASCULE_GOOGLE_CREDENTIALS'] !== undefined && given['BASCULE_GOOGLE_ADMINS'] === undefined) {
    problems.push('BASCULE_GOOGLE_ADMINS is not set: name at least one admin to impersonate');
  }
  if (!result.success || problems.length > 0) {
    // One line each: the first complaint about a variable is the one to mend.
    const first = problems.filter((line, index) => problems.findIndex((other) => sameVariable(other, line)) === index);
    throw new ConfigError(first);
  }
  const values = result.data;
  return Object.freeze({
    databaseUrl: values.BASCULE_DATABASE_URL,
    redisUrl: values.BASCULE_REDIS_URL,
    redisPrefix: values.BASCULE_REDIS_PREFIX,
    host: values.BASCULE_HOST,
    port: values.BASCULE_PORT,
    google: Object.freeze({
      apiRoot: values.BASCULE_GOOGLE_API_ROOT,
      credentialsFile: values.BASCULE_GOOGLE_CREDENTIALS,
      admins: Object.freeze(values.BASCULE_GOOGLE_ADMINS ?? []),
      customer: values.BASCULE_GOOGLE_CUSTOMER,
      canary: values.BASCULE_GOOGLE_CANARY,
    }),
    quotasFile: values.BASCULE_QUOTAS,
    scimRequestsPerSecond: values.BASCULE_SCIM_REQUESTS_PER_SECOND,
    webhookTargets: values.BASCULE_WEBHOOK_TARGETS,
    drop: Object.freeze({
      folder: values.BASCULE_FEED_FOLDER,
      lookSeconds: values.BASCULE_FEED_LOOK_SECONDS,
      sftpKeys: values.BASCULE_SFTP_KEYS,
    }),
    bootstrapToken: values.BASCULE_BOOTSTRAP_TOKEN,
    logLevel: values.BASCULE_LOG_LEVEL,
    projectFolder: findProjectFolder(),
  });
}

const sameVariable = (one: string, other: string) => one.split(' ')[0] === other.split(' ')[0];

function describe(issue: z.core.$ZodIssue, given: NodeJS.ProcessEnv): string {
  const name = String(issue.path[0]);
  const whole = given[name] === undefined ? 'is not set' : issue.message;
  return `${name} ${whole}`;
}

/** The folder is found upwards, since compiled code lies one level deeper than the sources. */
function findProjectFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'config', 'quotas.yaml')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** One row of the environment's documentation. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isSecret: boolean;
  readonly default: string | undefined;
}

/** The variables, in the order of their documentation. */
export function environmentVariables(): EnvironmentVariable[] {
  return Object.entries(environmentSchema.shape).map(([name, schema]) => {
    const meta = schema.meta();
    const value = schema.safeParse(undefined);
    return {
      name,
      description: meta?.description ?? '',
      isRequired: !value.success,
      isSecret: meta?.['secret'] === true,
      default: value.success && value.data !== undefined ? String(value.data) : undefined,
    };
  });
}
