// Writes the OpenAPI documents from the contract and its comments. Usage: node scripts/openapi.ts [folder]
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileRegistry } from "@bufbuild/protobuf";
import { REASON_STATUS } from "../src/app/rest-errors.ts";
import {
  createComments,
  createOpenApi,
  type OpenApiOptions,
  readImage,
  reasonsOf,
  statusErrors,
} from "./openapi/index.ts";
import { DOCUMENTED, dialectOptions } from "./openapi-dialects.ts";
import { withUploads } from "./openapi-uploads.ts";
import { servicesOf } from "./services.ts";

const root = join(import.meta.dirname, "..");

const DESCRIPTION = `A conversation store: durable, ordered logs of messages and events, shared by people, leads, bots
and agents. Every operation is also an RPC of the contract in Protobuf, over Connect, gRPC and gRPC-Web.`;

/** Builds an image of a folder of .proto files, with its comments. */
export function buildImage(folder: string): FileRegistry {
  const scratch = mkdtempSync(join(tmpdir(), "colloquy-image-"));
  try {
    const path = join(scratch, "image.binpb");
    execFileSync("buf", ["build", folder, "-o", path], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    return readImage(readFileSync(path));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

export function colloquyOptions(image: FileRegistry, version: string): OpenApiOptions {
  const reasons = image.getEnum("colloquy.v1.ErrorReason");
  if (reasons === undefined) throw new Error("the contract has no colloquy.v1.ErrorReason");
  const { shapes, schemas } = statusErrors(reasonsOf(reasons, createComments(), REASON_STATUS), "colloquy");
  return {
    services: servicesOf(image, "colloquy.v1"),
    info: {
      title: "Colloquy",
      version,
      description: DESCRIPTION.replaceAll("\n", " "),
      license: { name: "Apache 2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The server that this document comes from." }],
    securitySchemes: {
      bearer: {
        type: "http",
        scheme: "bearer",
        description: "A JWT of an issuer that the server trusts, or an API key.",
      },
      apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "An API key." },
    },
    errorShapes: shapes,
    schemas,
    webhooks: webhooksIn(image),
    unknownFields: "refuse",
    registry: image,
  };
}

function webhooksIn(image: FileRegistry): NonNullable<OpenApiOptions["webhooks"]> {
  const [event, batch] = ["Event", "EventBatch"].map((name) => image.getMessage(`colloquy.v1.${name}`));
  if (event === undefined || batch === undefined) throw new Error("the contract has no events");
  return {
    event: {
      summary: "Takes an event",
      description: "What an endpoint with a batch size of 1 gets, until it answers 2xx.",
      message: event,
    },
    batch: {
      summary: "Takes events together",
      description: "What an endpoint with a larger batch size gets, until it answers 2xx.",
      message: batch,
    },
  };
}

if (import.meta.main) {
  const [folder = join(root, "gen/openapi")] = process.argv.slice(2);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const image = buildImage("proto");
  const options = colloquyOptions(image, version);
  const documents = { openapi: withUploads(createOpenApi(options)) };
  const common = { version, securitySchemes: options.securitySchemes, registry: image };
  for (const [name, documented] of Object.entries(DOCUMENTED)) {
    Object.assign(documents, { [name]: createOpenApi(dialectOptions(name, documented, image, common)) });
  }
  mkdirSync(folder, { recursive: true });
  for (const [name, document] of Object.entries(documents)) {
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(document, undefined, 2)}\n`);
  }
}
