// The face of this folder.

export type * from "../../src/protocols/rest/docs/openapi-types.ts";
export { createComments } from "./comments.ts";
export { createOpenApi } from "./document.ts";
export { standardRequestHeaders, standardResponseHeaders } from "./headers.ts";
export { readImage } from "./image.ts";
export type { ErrorShape, OpenApiOptions, OperationFacts, RequestHeader, ResponseHeader } from "./options.ts";
export { type Reason, reasonsOf, statusErrors } from "./status-errors.ts";
