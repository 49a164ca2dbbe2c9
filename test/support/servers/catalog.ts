// The OpenAPI document of the catalog, a test contract with every shape.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  createOpenApi,
  type OpenApiDocument,
  type OpenApiOptions,
  readImage,
  statusErrors,
} from "../../../scripts/openapi/index.ts";

const image = readImage(readFileSync(join(import.meta.dirname, "../../gen/catalog.binpb")));

export function catalogDocument(options: Partial<OpenApiOptions> = {}): OpenApiDocument {
  const service = image.getService("colloquy.test.catalog.v1.CatalogService");
  if (service === undefined) throw new Error("the image has no catalog");
  const { shapes, schemas } = statusErrors([], "catalog");
  return createOpenApi({
    services: [service],
    info: { title: "Catalog", version: "1", license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    errorShapes: shapes,
    schemas,
    registry: image,
    ...options,
  });
}
