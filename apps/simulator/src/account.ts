/** A rule of a calendar's access control list. */
export interface AclRule {
  role: string;
  scope: { type: string; value?: string };
}

/** Gmail and Calendar settings of one person, as few fields as possible: there are many of them. */
export interface Settings {
  language?: string;
  signature?: string;
  imap?: boolean;
  pop?: string;
  timeZone?: string;
  subscriptions?: string[];
  acl?: AclRule[];
}

export interface User extends Settings {
  id: string;
  primaryEmail: string;
  givenName: string;
  familyName: string;
  orgUnitPath: string;
  suspended: boolean;
  suspensionReason?: string;
  archived?: boolean;
  isAdmin: boolean;
  isDelegatedAdmin: boolean;
  /** On the world's clock, seconds; older than the world for planted accounts. */
  createdAt: number;
  changedAt: number;
  renamedAt?: number;
  deletedAt?: number;
  licensedAt?: number;
  /** `product/sku` of each licence; one array is shared by all who have the same single one. */
  licences: readonly string[];
  /** The licence came by automatic licensing. */
  automatic?: boolean;
  aliases?: string[];
  /** Further writable fields of the user resource (externalIds, organizations, …), each as JSON, kept as they came. */
  fields: Readonly<Record<string, string>>;
  /** Nothing of it lags. */
  ready?: boolean;
}

/** The employee number that an account carries. */
export function numberOf({ fields }: Pick<User, 'fields'>): string {
  const found = /"type":"organization"[^}]*"value":"([^"]*)"|"value":"([^"]*)"[^}]*"type":"organization"/.exec(
    fields['externalIds'] ?? '',
  );
  return found?.[1] ?? found?.[2] ?? '';
}

export interface Member {
  readonly id: string;
  readonly role: string;
  readonly addedAt: number;
}

/** A group and who is in it, in the order in which they came. */
export class Group {
  name: string;
  description: string;
  readonly settings = new Map<string, string>([['whoCanPostMessage', 'ALL_MEMBERS_CAN_POST']]);
  private readonly places = new Map<string, number>();
  private readonly list: (Member | undefined)[] = [];

  constructor(
    readonly id: string,
    readonly email: string,
    about: { name: string; description: string },
    readonly createdAt: number,
  ) {
    this.name = about.name;
    this.description = about.description;
  }

  get size(): number {
    return this.places.size;
  }

  get(id: string): Member | undefined {
    const place = this.places.get(id);
    return place === undefined ? undefined : this.list[place];
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  add(member: Member): void {
    this.places.set(member.id, this.list.length);
    this.list.push(member);
  }

  delete(id: string): void {
    const place = this.places.get(id);
    if (place === undefined) return;
    this.places.delete(id);
    this.list[place] = undefined;
  }

  ids(): IterableIterator<string> {
    return this.places.keys();
  }

  /** Members after a place, each with its own. */
  *after(place: number): Generator<[place: number, member: Member]> {
    for (let next = place + 1; next < this.list.length; next += 1) {
      const member = this.list[next];
      if (member !== undefined) yield [next, member];
    }
  }
}

export interface SharedCalendar {
  readonly id: string;
  readonly owner: string;
  summary: string;
  description: string;
  timeZone: string;
  acl: AclRule[];
}

export interface OrgUnit {
  readonly id: string;
  readonly path: string;
  readonly description: string;
  readonly createdAt: number;
}
