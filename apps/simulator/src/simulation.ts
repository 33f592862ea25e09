import type { Faults } from './faults.js';
import type { Listings } from './listings.js';
import type { Policy } from './policy.js';
import type { Quotas } from './quotas.js';
import type { World } from './world.js';

/** One simulated Google: what it holds, allows, counts, and how it misbehaves. */
export interface Simulation {
  readonly world: World;
  readonly policy: Policy;
  readonly quotas: Quotas;
  readonly listings: Listings;
  readonly faults: Faults;
}
