// The parts of OpenAPI 3.1 and JSON Schema 2020-12 that the generator writes.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON Schema; keywords that need no special care are not listed. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  title?: string;
  description?: string;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  const?: Json;
  enum?: Json[];
  not?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  propertyNames?: Schema;
  additionalProperties?: boolean | Schema;
  required?: string[];
  contentEncoding?: string;
  contentMediaType?: string;
  contentSchema?: Schema;
  deprecated?: boolean;
  readOnly?: boolean;
  writeOnly?: boolean;
  default?: Json;
  examples?: Json[];
}

export interface MediaType {
  schema: Schema;
  example?: Json;
  examples?: Record<string, { summary?: string; value: Json }>;
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  deprecated?: boolean;
  style?: string;
  explode?: boolean;
  schema: Schema;
  example?: Json;
}

export interface Header {
  description?: string;
  required?: boolean;
  schema: Schema;
}

export interface Reference {
  $ref: string;
}

export interface Response {
  description: string;
  headers?: Record<string, Header | Reference>;
  content?: Record<string, MediaType>;
}

export interface RequestBody {
  description?: string;
  required?: boolean;
  content: Record<string, MediaType>;
}

/** One alternative: every scheme in it must be satisfied. An empty one means that no credential is needed. */
export type SecurityRequirement = Record<string, string[]>;

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  deprecated?: boolean;
  parameters?: (Parameter | Reference)[];
  requestBody?: RequestBody;
  responses: Record<string, Response | Reference>;
  security?: SecurityRequirement[];
}

/** Operations by method in lower case; those that OpenAPI 3.1 has no name for are under `x-additionalOperations`. */
export type PathItem = { [method: string]: Operation } & { "x-additionalOperations"?: Record<string, Operation> };

export interface Info {
  title: string;
  version: string;
  summary?: string;
  description?: string;
  license?: { name: string; identifier?: string; url?: string };
  contact?: { name?: string; url?: string; email?: string };
}

export interface Server {
  url: string;
  description?: string;
}

export type SecurityScheme =
  | { type: "http"; scheme: string; bearerFormat?: string; description?: string }
  | { type: "apiKey"; in: "header" | "query" | "cookie"; name: string; description?: string }
  | { type: "oauth2"; flows: Record<string, Json>; description?: string }
  | { type: "openIdConnect"; openIdConnectUrl: string; description?: string };

export interface Components {
  schemas: Record<string, Schema>;
  parameters: Record<string, Parameter>;
  headers: Record<string, Header>;
  responses: Record<string, Response>;
  securitySchemes: Record<string, SecurityScheme>;
}

export interface OpenApiDocument {
  openapi: "3.1.1";
  info: Info;
  jsonSchemaDialect?: string;
  servers: Server[];
  security: SecurityRequirement[];
  tags: { name: string; description?: string }[];
  paths: Record<string, PathItem>;
  /** Requests that the server sends. */
  webhooks?: Record<string, PathItem>;
  components: Components;
}

/** What a field's rules say: keywords for its schema and for the schemas below it, and sentences. */
export interface Constraints {
  readonly keywords: Schema;
  readonly notes: readonly string[];
}
