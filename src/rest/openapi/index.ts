// The face of this folder.
export { createComments } from "./comments.ts";
export { createDocsHandlers, type DocsHandler } from "./docs.ts";
export type { DocsOptions, ServedDocument } from "./docs-page.ts";
export { createOpenApi } from "./document.ts";
export { standardRequestHeaders, standardResponseHeaders } from "./headers.ts";
export { readImage } from "./image.ts";
export type { ErrorShape, OpenApiOptions, OperationFacts, RequestHeader, ResponseHeader } from "./options.ts";
export { type Reason, reasonsOf, statusErrors } from "./status-errors.ts";
export type * from "./types.ts";
