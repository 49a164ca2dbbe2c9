// What a document is made of besides the descriptors.
import type { DescMethod, DescService, Registry } from "@bufbuild/protobuf";
import type { Binding } from "../../src/protocols/rest/binding/binding.ts";
import type {
  Info,
  MediaType,
  Response,
  Schema,
  SecurityRequirement,
  SecurityScheme,
  Server,
} from "../../src/protocols/rest/docs/openapi-types.ts";
import type { SentRequest } from "./webhooks.ts";

/** What decides which headers and errors an operation has. */
export interface OperationFacts {
  readonly binding: Binding;
  /** Whether the binding may change something: any but GET and HEAD of a method that says that it has side effects. */
  readonly mutates: boolean;
  /** Whether a credential is needed. */
  readonly secured: boolean;
}

export interface RequestHeader {
  readonly name: string;
  /** The name of its component, in PascalCase. */
  readonly component: string;
  readonly description: string;
  readonly schema: Schema;
  /** Default: on every operation. */
  readonly when?: (facts: OperationFacts) => boolean;
  /** Answers that only this header brings about, such as a 304. */
  readonly outcomes?: Readonly<Record<string, Response>>;
}

export interface ResponseHeader {
  readonly name: string;
  readonly component: string;
  readonly description: string;
  readonly schema: Schema;
  /** Default: on every answer. An error is described once for all operations, so it has no facts. */
  readonly when?: (status: number, facts: OperationFacts | undefined) => boolean;
}

/** What an operation answers when it fails with one status. */
export interface ErrorShape {
  readonly status: number;
  /** The name of its component, in PascalCase. */
  readonly component: string;
  readonly description: string;
  /** By media type. */
  readonly content: Readonly<Record<string, MediaType>>;
  /** Default: on every operation. */
  readonly when?: (facts: OperationFacts) => boolean;
}

export interface OpenApiOptions {
  /** The services, in the order of their tags. Methods without a binding are left out. */
  readonly services: readonly DescService[];
  readonly info: Info;
  readonly servers: readonly Server[];
  readonly securitySchemes: Readonly<Record<string, SecurityScheme>>;
  /** The alternatives that satisfy an operation. Default: any one of the schemes. */
  readonly security?: readonly SecurityRequirement[];
  /** Methods that need no credential. Default: none. */
  readonly isPublic?: (method: DescMethod) => boolean;
  /** Put in front of every path, as the router is told. Default: nothing. */
  readonly prefix?: string;
  readonly errorShapes: readonly ErrorShape[];
  /** Requests that the server sends, by name. Default: none. */
  readonly webhooks?: Readonly<Record<string, SentRequest>>;
  /** Schemas that error shapes and headers refer to, by the names of their components. */
  readonly schemas?: Readonly<Record<string, Schema>>;
  /** Default: {@link standardRequestHeaders}. */
  readonly requestHeaders?: readonly RequestHeader[];
  /** Default: {@link standardResponseHeaders}. */
  readonly responseHeaders?: readonly ResponseHeader[];
  /** Default: `<Service>_<Method>`, and for additional bindings a number from 2 on: `<Service>_<Method>_2`. */
  readonly operationId?: (method: DescMethod, index: number) => string;
  /** Whether input may have fields that the contract does not know. Default: "ignore". */
  readonly unknownFields?: "ignore" | "refuse";
  /** Finds extensions that validation rules use. Default: none. */
  readonly registry?: Registry;
}
