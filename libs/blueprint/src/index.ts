export { parseBlueprint, type ParsedBlueprint } from './parse.js';
export type { BlueprintProblem } from './problems.js';
export type { Blueprint, DeclaredCalendar, DeclaredGroup, DeclaredOrgUnit, WhoCanPost } from './blueprint.js';
export { selectsEmployee } from './conditions.js';
export { evaluate, hasLeft, type EvaluateInput, type Evaluation } from './evaluate.js';
export { collisionRule, nextAddress, wishAddress, type AddressWish, type WishedAddress } from './address-wish.js';
export { localPartFor, type LocalPart } from './addresses.js';
export { unshownOfName } from './name-text.js';
