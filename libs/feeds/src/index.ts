export { foldedWords } from './names.js';
export { intake } from './intake.js';
export { scimChangesType, scimUploadType } from './dialects/index.js';
export {
  contentTypeOf,
  declaredFile,
  mediaTypeOfName,
  mediaTypes,
  UnknownMediaTypeError,
  type FileDeclaration,
} from './files/index.js';
export * from './scim/index.js';
export { previewAddresses, type AddressPreview } from './address-preview.js';
export { FeedRefusedError } from './dialects/index.js';
export { fileInMemory } from './files/stored-file.js';
export { guessMapping, type MappingGuess } from './guessing/index.js';
