// Tenants, and who may do what in them: the role of each actor, the capabilities granted and revoked.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { GrantRecord, RoleRecord, TenantRecord } from '../domain/nouns.js';
import type { Fold } from './fold.js';
import { KeyIndex, RecordTable } from './record-table.js';
import { refusal } from './refusal.js';
import { mapSection } from './sections.js';

/** The tenants with their roles and grants. */
export class Tenants implements Fold {
  readonly handles: readonly EventType[] = [
    'TenantCreated',
    'RoleAssigned',
    'CapabilityGranted',
    'CapabilityRevoked',
  ];
  readonly #tenants = new RecordTable<TenantRecord>();
  readonly #roles = new RecordTable<RoleRecord>();
  readonly #grants = new RecordTable<GrantRecord>();
  readonly #grantsOf = new KeyIndex();
  readonly sections = [
    mapSection('tenants', this.#tenants, (record) => void this.#tenants.put(record.id, { ...record })),
    mapSection('roles', this.#roles, (record) => void this.#roles.put(memberKey(record), { ...record })),
    mapSection('grants', this.#grants, (record) => this.#putGrant({ ...record })),
  ];

  /** Number of tenants. */
  get count(): number {
    return this.#tenants.size;
  }

  /** The tenant; `undefined` when none has the id. */
  get(tenantId: string): TenantRecord | undefined {
    return this.#tenants.get(tenantId);
  }

  /** All tenants. */
  list(): IterableIterator<TenantRecord> {
    return this.#tenants.values();
  }

  /** The role of an actor in a tenant; `undefined` when it has none. */
  role(actorId: string, tenantId: string): RoleRecord | undefined {
    return this.#roles.get(memberKey({ actorId, tenantId }));
  }

  /** All roles. */
  roles(): IterableIterator<RoleRecord> {
    return this.#roles.values();
  }

  /** A grant, revoked ones included. */
  grant(actorId: string, tenantId: string, capability: string): GrantRecord | undefined {
    return this.#grants.get(grantKey({ actorId, tenantId, capability }));
  }

  /** True while the actor has the capability in the tenant. */
  has(actorId: string, tenantId: string, capability: string): boolean {
    const grant = this.grant(actorId, tenantId, capability);
    return grant !== undefined && grant.revokedAt === undefined;
  }

  /** The grants of an actor in a tenant, revoked ones included. */
  grantsOf(actorId: string, tenantId: string): readonly GrantRecord[] {
    const records: GrantRecord[] = [];
    for (const key of this.#grantsOf.get(memberKey({ actorId, tenantId }))) {
      const record = this.#grants.get(key);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  /** All grants, revoked ones included. */
  grants(): IterableIterator<GrantRecord> {
    return this.#grants.values();
  }

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'TenantCreated': {
        this.#create(event);
        return;
      }
      case 'RoleAssigned': {
        const { actorId, tenantId, role, at } = event;
        this.#roles.put(memberKey(event), { actorId, tenantId, role, assignedAt: at });
        return;
      }
      case 'CapabilityGranted': {
        const { actorId, tenantId, capability, at } = event;
        this.#putGrant({ actorId, tenantId, capability, grantedAt: at });
        return;
      }
      case 'CapabilityRevoked': {
        this.#revoke(event);
        return;
      }
      default:
        return;
    }
  }

  #create(event: PawlEvent<'TenantCreated'>): void {
    const { tenantId, name, at } = event;
    if (this.#tenants.has(tenantId)) throw refusal(event, 'duplicateTenant', { tenantId });
    this.#tenants.put(tenantId, { id: tenantId, name, createdAt: at });
  }

  #revoke(event: PawlEvent<'CapabilityRevoked'>): void {
    const { actorId, tenantId, capability } = event;
    const grant = this.grant(actorId, tenantId, capability);
    if (grant === undefined || grant.revokedAt !== undefined) {
      throw refusal(event, 'unknownGrant', { actorId, tenantId, capability });
    }
    this.#putGrant({ ...grant, revokedAt: event.at });
  }

  #putGrant(record: GrantRecord): void {
    const key = grantKey(record);
    this.#grants.put(key, record);
    this.#grantsOf.add(memberKey(record), key);
  }
}

interface Member {
  readonly actorId: string;
  readonly tenantId: string;
}

/** A `/` never occurs in an id. */
function memberKey({ actorId, tenantId }: Member): string {
  return `${actorId}/${tenantId}`;
}

function grantKey(grant: Member & { readonly capability: string }): string {
  return `${memberKey(grant)}/${grant.capability}`;
}
