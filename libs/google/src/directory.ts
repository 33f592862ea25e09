import { admin, type admin_directory_v1 } from 'googleapis/build/src/apis/admin/index.js';
import type { ObservedAccount } from '#libs/vocabulary';
import type { CallContext, Caller } from './caller.js';
import { GoogleCallError } from './errors.js';
import type { Method } from './methods.js';

export interface Page {
  readonly pageToken?: string | undefined;
}

const userFields =
  'id,primaryEmail,name(givenName,familyName),orgUnitPath,suspended,suspensionReason,archived,isAdmin,isDelegatedAdmin,isMailboxSetup,creationTime,aliases,nonEditableAliases,externalIds,organizations,relations,phones,languages';

/** The Directory API, as an admin subject. Source: https://developers.google.com/workspace/admin/directory/reference/rest/v1 */
export class Directory {
  private readonly api: admin_directory_v1.Admin;

  constructor(
    private readonly caller: Caller,
    private readonly customer: string,
  ) {
    this.api = admin({ version: 'directory_v1', ...caller.clientOptions });
  }

  /** Creates an account; Google answers with it. 409 when the address is held. */
  async insertUser(context: CallContext, body: Record<string, unknown>): Promise<ObservedAccount> {
    const domain = textField(body, 'primaryEmail')?.split('@')[1] ?? '';
    const data = await this.caller.call(context, { method: 'directory.users.insert', domain }, (options, quotaUser) =>
      this.api.users.insert({ requestBody: body, quotaUser }, options),
    );
    return observed('directory.users.insert', data);
  }

  /** By address, alias or id; undefined when there is none (or none visible yet). */
  getUser(context: CallContext, userKey: string): Promise<ObservedAccount | undefined> {
    return unlessMissing(async () => {
      const data = await this.caller.call(context, { method: 'directory.users.get' }, (options, quotaUser) =>
        this.api.users.get({ userKey, projection: 'full', fields: userFields, quotaUser }, options),
      );
      return observed('directory.users.get', data);
    });
  }

  /** Has patch semantics: only the fields in the body change, lists are replaced whole. */
  async updateUser(context: CallContext, userKey: string, body: Record<string, unknown>): Promise<ObservedAccount> {
    const data = await this.caller.call(context, { method: 'directory.users.update' }, (options, quotaUser) =>
      this.api.users.update({ userKey, requestBody: body, quotaUser }, options),
    );
    return observed('directory.users.update', data);
  }

  /** A page of 500 accounts of the customer. */
  async listUsers(
    context: CallContext,
    page: Page & { showDeleted?: boolean },
  ): Promise<{ accounts: ObservedAccount[]; nextPageToken: string | undefined }> {
    const data = await this.caller.call(context, { method: 'directory.users.list' }, (options, quotaUser) =>
      this.api.users.list(
        {
          customer: this.customer,
          maxResults: 500,
          orderBy: 'email',
          projection: 'full',
          fields: `nextPageToken,users(${userFields})`,
          ...(page.pageToken !== undefined && { pageToken: page.pageToken }),
          ...(page.showDeleted === true && { showDeleted: 'true' }),
          quotaUser,
        },
        options,
      ),
    );
    const accounts = (data.users ?? []).map((user) => observed('directory.users.list', user));
    return { accounts, nextPageToken: data.nextPageToken ?? undefined };
  }

  /**
   * Accounts that carry this value among their external ids: our mark, or an employee number. Google's index follows a
   * write after a while. Source: https://developers.google.com/workspace/admin/directory/v1/guides/search-users
   */
  async findUsersByExternalId(context: CallContext, value: string): Promise<ObservedAccount[]> {
    const data = await this.caller.call(context, { method: 'directory.users.list' }, (options, quotaUser) =>
      this.api.users.list(
        {
          customer: this.customer,
          query: `externalId='${value.replaceAll(/['\\]/g, '\\$&')}'`,
          projection: 'full',
          fields: `users(${userFields})`,
          quotaUser,
        },
        options,
      ),
    );
    return (data.users ?? []).map((user) => observed('directory.users.list', user));
  }

  async listAliases(context: CallContext, userKey: string): Promise<string[]> {
    const data = await this.caller.call(context, { method: 'directory.aliases.list' }, (options, quotaUser) =>
      this.api.users.aliases.list({ userKey, quotaUser }, options),
    );
    return (data.aliases ?? []).flatMap((entry: unknown) => textField(entry, 'alias') ?? []);
  }

  async insertAlias(context: CallContext, userKey: string, alias: string): Promise<void> {
    await this.caller.call(context, { method: 'directory.aliases.insert' }, (options, quotaUser) =>
      this.api.users.aliases.insert({ userKey, requestBody: { alias }, quotaUser }, options),
    );
  }

  async listOrgUnits(context: CallContext): Promise<{ path: string; orgUnitId: string }[]> {
    const data = await this.caller.call(context, { method: 'directory.orgunits.list' }, (options, quotaUser) =>
      this.api.orgunits.list({ customerId: this.customer, type: 'all', quotaUser }, options),
    );
    return (data.organizationUnits ?? []).map((unit) => ({
      path: unit.orgUnitPath ?? '/',
      orgUnitId: unit.orgUnitId ?? '',
    }));
  }

  getOrgUnit(context: CallContext, path: string): Promise<{ path: string; orgUnitId: string } | undefined> {
    return unlessMissing(async () => {
      const data = await this.caller.call(context, { method: 'directory.orgunits.get' }, (options, quotaUser) =>
        this.api.orgunits.get({ customerId: this.customer, orgUnitPath: path.replace(/^\//, ''), quotaUser }, options),
      );
      return { path: data.orgUnitPath ?? path, orgUnitId: data.orgUnitId ?? '' };
    });
  }

  async insertOrgUnit(
    context: CallContext,
    unit: { name: string; parentPath: string; description?: string },
  ): Promise<void> {
    const { name, parentPath, description } = unit;
    await this.caller.call(context, { method: 'directory.orgunits.insert' }, (options, quotaUser) =>
      this.api.orgunits.insert(
        {
          customerId: this.customer,
          requestBody: {
            name,
            parentOrgUnitPath: parentPath,
            ...(description !== undefined && { description }),
          },
          quotaUser,
        },
        options,
      ),
    );
  }

  async listGroups(
    context: CallContext,
    page: Page,
  ): Promise<{ groups: { email: string; id: string }[]; nextPageToken: string | undefined }> {
    const data = await this.caller.call(context, { method: 'directory.groups.list' }, (options, quotaUser) =>
      this.api.groups.list(
        {
          customer: this.customer,
          maxResults: 200,
          ...(page.pageToken !== undefined && { pageToken: page.pageToken }),
          quotaUser,
        },
        options,
      ),
    );
    const groups = (data.groups ?? []).map((group) => ({ email: group.email ?? '', id: group.id ?? '' }));
    return { groups, nextPageToken: data.nextPageToken ?? undefined };
  }

  /** Addresses of the groups of which the account is a direct member, lower case. */
  async listGroupsOf(context: CallContext, userKey: string): Promise<string[]> {
    const emails: string[] = [];
    let pageToken: string | undefined;
    do {
      const token = pageToken;
      const data = await this.caller.call(context, { method: 'directory.groups.list' }, (options, quotaUser) =>
        this.api.groups.list(
          { userKey, maxResults: 200, ...(token !== undefined && { pageToken: token }), quotaUser },
          options,
        ),
      );
      emails.push(...(data.groups ?? []).map(({ email }) => (email ?? '').toLowerCase()));
      pageToken = data.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    return emails;
  }

  getGroup(context: CallContext, groupKey: string): Promise<{ email: string; id: string } | undefined> {
    return unlessMissing(async () => {
      const data = await this.caller.call(context, { method: 'directory.groups.get' }, (options, quotaUser) =>
        this.api.groups.get({ groupKey, quotaUser }, options),
      );
      return { email: data.email ?? groupKey, id: data.id ?? '' };
    });
  }

  async insertGroup(context: CallContext, group: { email: string; name: string; description?: string }): Promise<void> {
    await this.caller.call(context, { method: 'directory.groups.insert' }, (options, quotaUser) =>
      this.api.groups.insert({ requestBody: group, quotaUser }, options),
    );
  }

  /** A page of 200 members; `googleId` is the account's id. */
  async listMembers(
    context: CallContext,
    groupKey: string,
    page: Page,
  ): Promise<{ members: { googleId: string }[]; nextPageToken: string | undefined }> {
    const data = await this.caller.call(context, { method: 'directory.members.list' }, (options, quotaUser) =>
      this.api.members.list(
        {
          groupKey,
          maxResults: 200,
          ...(page.pageToken !== undefined && { pageToken: page.pageToken }),
          quotaUser,
        },
        options,
      ),
    );
    const members = (data.members ?? []).map((member) => ({ googleId: member.id ?? '' }));
    return { members, nextPageToken: data.nextPageToken ?? undefined };
  }

  getMember(context: CallContext, groupKey: string, memberKey: string): Promise<{ googleId: string } | undefined> {
    return unlessMissing(async () => {
      const data = await this.caller.call(context, { method: 'directory.members.get' }, (options, quotaUser) =>
        this.api.members.get({ groupKey, memberKey, quotaUser }, options),
      );
      return { googleId: data.id ?? '' };
    });
  }

  async insertMember(context: CallContext, groupKey: string, member: { email: string }): Promise<void> {
    await this.caller.call(context, { method: 'directory.members.insert' }, (options, quotaUser) =>
      this.api.members.insert({ groupKey, requestBody: { email: member.email, role: 'MEMBER' }, quotaUser }, options),
    );
  }

  async deleteMember(context: CallContext, groupKey: string, memberKey: string): Promise<void> {
    await this.caller.call(context, { method: 'directory.members.delete' }, (options, quotaUser) =>
      this.api.members.delete({ groupKey, memberKey, quotaUser }, options),
    );
  }

  async listDomains(context: CallContext): Promise<{ name: string; verified: boolean }[]> {
    const data = await this.caller.call(context, { method: 'directory.domains.list' }, (options, quotaUser) =>
      this.api.domains.list({ customer: this.customer, quotaUser }, options),
    );
    return (data.domains ?? []).map((domain) => ({
      name: domain.domainName ?? '',
      verified: domain.verified === true,
    }));
  }

  /** Google's own id of the customer that the credentials reach. */
  async getCustomer(context: CallContext): Promise<{ id: string; domain: string }> {
    const data = await this.caller.call(context, { method: 'directory.customers.get' }, (options, quotaUser) =>
      this.api.customers.get({ customerKey: this.customer, quotaUser }, options),
    );
    return { id: data.id ?? '', domain: data.customerDomain ?? '' };
  }
}

/** Not found is an answer, not a refusal. */
async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof GoogleCallError && error.status === 404) return undefined;
    throw error;
  }
}

function observed(method: Method, user: admin_directory_v1.Schema$User): ObservedAccount {
  if (typeof user.id !== 'string' || typeof user.primaryEmail !== 'string') {
    throw new GoogleCallError({ method, reason: 'wrong_endpoint', effect: 'unknown' });
  }
  return {
    googleId: user.id,
    primaryEmail: user.primaryEmail,
    name: { givenName: user.name?.givenName ?? '', familyName: user.name?.familyName ?? '' },
    orgUnitPath: user.orgUnitPath ?? '/',
    suspended: user.suspended === true,
    ...(typeof user.suspensionReason === 'string' && { suspensionReason: user.suspensionReason }),
    archived: user.archived === true,
    isAdmin: user.isAdmin === true,
    isDelegatedAdmin: user.isDelegatedAdmin === true,
    isMailboxSetup: user.isMailboxSetup === true,
    ...(typeof user.creationTime === 'string' && { creationTime: user.creationTime }),
    aliases: texts(user.aliases),
    nonEditableAliases: texts(user.nonEditableAliases),
    externalIds: entries(user.externalIds),
    organizations: entries(user.organizations),
    relations: entries(user.relations),
    phones: entries(user.phones),
    languages: entries(user.languages),
  };
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

const isEntry = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const entries = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isEntry) : []);

function textField(value: unknown, key: string): string | undefined {
  const field = isEntry(value) ? value[key] : undefined;
  return typeof field === 'string' ? field : undefined;
}
