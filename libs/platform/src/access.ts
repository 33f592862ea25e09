import { createHash, randomBytes } from 'node:crypto';
import { createParamDecorator, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ModulesContainer, Reflector, type NestApplication } from '@nestjs/core';
// Gives requests their `cookies`; the API registers the plugin.
import '@fastify/cookie';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { createFirstAccessToken, findAccessToken, findSession, type AccessToken, type Database } from '#libs/ledger';
import { roles, type Role } from '#libs/vocabulary';
import { Problem } from './problem-details.js';

export const roleSchema = z.enum(roles);

/** An admin may all that an operator may, an operator all that a viewer may. A feed pushes records and nothing else. */
const powers: Readonly<Record<Role, readonly Role[]>> = {
  admin: ['admin', 'operator', 'viewer'],
  operator: ['operator', 'viewer'],
  viewer: ['viewer'],
  feed: ['feed'],
};

/** Whether somebody with `role` may do what one of the `allowed` roles may. */
export const mayAct = (role: Role, allowed: readonly Role[]): boolean =>
  allowed.some((one) => powers[role].includes(one));

/** Who sent a request. */
export interface Caller {
  readonly tokenId: string;
  /** The token's name: what the audit trail shows as the actor. */
  readonly name: string;
  readonly role: Role;
  /** The one source that a feed's token is bound to. */
  readonly source: string | undefined;
}

const accessKey = 'bascule:access';

/** Says which roles may call a route; those that include one of them may as well. */
export const Allow = (...allowed: [Role, ...Role[]]) => SetMetadata(accessKey, allowed);

/** Says that anybody may call a route: health and the dashboard's static files only. */
export const Public = () => SetMetadata(accessKey, 'public');

const declarationSchema = z.union([z.literal('public'), z.array(roleSchema).min(1)]);
const callers = new WeakMap<object, Caller>();

/** Who sent this request. Only for routes that are not public. */
export function callerOf(request: object): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new Error('the caller of a public route is not known');
  return caller;
}

/** The caller as a handler's parameter. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** 256 random bits, recognisable by scanners for leaked secrets. */
export const newSecret = (): string => `bsc_${randomBytes(32).toString('base64url')}`;

/** Secrets are random and long, so a plain hash keeps them as safe as a slow one would. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

export const sessionCookie = 'bascule_session';

/** Takes the bootstrap token as the first admin's, if the ledger knows no token yet. */
export async function adoptBootstrapToken(db: Database, secret: string): Promise<boolean> {
  const token = { name: 'bootstrap', role: 'admin', secretHash: hashSecret(secret), actor: 'bascule' };
  return createFirstAccessToken(db, token);
}

/** Lets a request through if its token or its session may call the route, for the source that it names. A route without a declaration is closed. */
export class AccessGuard implements CanActivate {
  constructor(
    private readonly db: Database,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const declared: unknown = this.reflector.getAllAndOverride(accessKey, [context.getHandler(), context.getClass()]);
    const declaration = declarationSchema.safeParse(declared);
    if (!declaration.success) throw new Problem('not-allowed', 'Nobody may call this route.');
    if (declaration.data === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = await identify(this.db, request);
    if (!mayAct(caller.role, declaration.data)) {
      throw new Problem(
        'not-allowed',
        `This needs the role ${declaration.data.join(' or ')}; the token’s is ${caller.role}.`,
      );
    }
    checkSource(caller, request);
    callers.set(request, caller);
    return true;
  }
}

async function identify(db: Database, request: FastifyRequest): Promise<Caller> {
  const bearer = bearerOf(request);
  if (bearer !== undefined) {
    const token = await findAccessToken(db, hashSecret(bearer));
    if (token === undefined) throw new Problem('not-signed-in', 'The token is unknown or revoked.');
    return asCaller(token);
  }
  const cookie = sessionSecretOf(request);
  if (cookie === undefined) throw new Problem('not-signed-in', 'Send a token in the Authorization header.');
  const token = await findSession(db, hashSecret(cookie));
  if (token === undefined) throw new Problem('not-signed-in', 'The session has ended.');
  if (!['GET', 'HEAD'].includes(request.method)) checkOrigin(request);
  return asCaller(token);
}

/** The secret in the session cookie, if there is one. */
export const sessionSecretOf = (request: FastifyRequest): string | undefined => request.cookies[sessionCookie];

const asCaller = ({ id, name, role, source }: AccessToken): Caller => ({
  tokenId: id,
  name,
  role: roleSchema.parse(role),
  source: source ?? undefined,
});

const sourceParameterSchema = z.looseObject({ source: z.string() });

/**
 * A token that is bound to a source may call routes of that source only: those whose address has `:source`. Routes without
 * it act on the caller's source by themselves, or on nothing that belongs to one.
 */
function checkSource(caller: Caller, request: FastifyRequest): void {
  const addressed = sourceParameterSchema.safeParse(request.params).data?.source;
  if (caller.source === undefined || addressed === undefined || addressed === caller.source) return;
  throw new Problem('not-allowed', `The token is bound to the source ${caller.source} and may touch no other.`);
}

/** The token of the Authorization header (RFC 6750), if there is one. */
export function bearerOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  const token = /^bearer +([\w-]+)$/i.exec(header)?.[1];
  if (token === undefined) throw new Problem('not-signed-in', 'The Authorization header must be “Bearer” and a token.');
  return token;
}

/**
 * A browser sends a cookie along whoever asks for it; the Origin header tells who did.
 *
 * @throws Problem `foreign-origin` unless the page came from the host that the request went to.
 */
export function checkOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (origin !== undefined && URL.canParse(origin) && new URL(origin).host === host) return;
  throw new Problem('foreign-origin', 'A write by session cookie must come from a page of this server.');
}

const routePathKey = 'path';
const routeMethodKey = 'method';

export interface DeclaredRoute {
  /** `Class.method` */
  readonly name: string;
  /** Undefined when neither the method nor its class says who may call it. */
  readonly access: readonly Role[] | 'public' | undefined;
}

/** Every route of an application's controllers. */
export function declaredRoutes(app: Pick<NestApplication, 'get'>): DeclaredRoute[] {
  const reflector = app.get(Reflector);
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  return controllers.flatMap(({ metatype }) => {
    if (typeof metatype !== 'function') return [];
    const prototype: object = metatype.prototype;
    return Object.getOwnPropertyNames(prototype).flatMap((name) => {
      const handler: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
      if (typeof handler !== 'function' || !Reflect.hasMetadata(routePathKey, handler)) return [];
      if (!Reflect.hasMetadata(routeMethodKey, handler)) return [];
      const declared: unknown = reflector.get(accessKey, handler) ?? reflector.get(accessKey, metatype);
      return [{ name: `${metatype.name}.${name}`, access: declarationSchema.safeParse(declared).data }];
    });
  });
}
