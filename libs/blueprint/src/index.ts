export { parseBlueprint, type ParsedBlueprint } from './parse.js';
export type { BlueprintProblem } from './problems.js';
export type { Blueprint, DeclaredCalendar, DeclaredGroup, DeclaredOrgUnit, WhoCanPost } from './blueprint.js';
export { selectsEmployee } from './conditions.js';
export { hasLeft } from './leaving.js';
export { evaluate, type EvaluateInput, type Evaluation } from './evaluate.js';
export {
  blockedAddresses,
  wantedAddress,
  wishAddress,
  type AddressWish,
  type WantedAddress,
  type WishedAddress,
} from './address-wish.js';
export { isLegalLocalPart, isReservedByGoogle } from './addresses.js';
export { unshownOfName } from './name-text.js';
export * from './day-at-work.js';
export { isBarred, isHiredLater, isYetToBegin, nextDay } from './employment.js';
