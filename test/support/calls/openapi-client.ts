// Makes a typed client from an OpenAPI document the way a user would: openapi-typescript, openapi-fetch and tsc.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Json, MediaType, OpenApiDocument, Operation, Parameter } from "../../../scripts/openapi/index.ts";

const run = promisify(execFile);
const consumer = join(import.meta.dirname, "../../consumer");

const TSCONFIG = {
  compilerOptions: {
    module: "nodenext",
    target: "es2024",
    lib: ["es2024", "dom", "dom.iterable"],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    outDir: "out",
    // The libraries of the language are none of the document's.
    skipDefaultLibCheck: true,
  },
  files: ["main.ts"],
};

/** What a run of a program printed, or what its compiler had against it. */
export type Outcome =
  | { readonly kind: "ran"; readonly output: string }
  | { readonly kind: "refused"; readonly errors: string };

/** It works on a TypeScript of its own, of which the compiler takes ten times as long as that of this tree. */
const generator = join(consumer, "node_modules/.bin/openapi-typescript");
const compiler = join(import.meta.dirname, "../../../node_modules/typescript/bin/tsc");

/** The types that openapi-typescript made of each document. */
const types = new Map<string, string>();
async function typesOf(document: OpenApiDocument, folder: string): Promise<string> {
  const json = JSON.stringify(document);
  const made = types.get(json);
  if (made !== undefined) return made;
  writeFileSync(join(folder, "document.json"), json);
  await run(process.execPath, [generator, "document.json", "-o", "schema.d.ts"], { cwd: folder });
  const schema = readFileSync(join(folder, "schema.d.ts"), "utf8");
  types.set(json, schema);
  return schema;
}

/**
 * Generates `schema.d.ts` from a document, compiles `main.ts` beside it and runs it with the arguments. The program
 * imports `./schema.js` and `openapi-fetch`.
 */
export async function runClient(document: OpenApiDocument, main: string, args: readonly string[]): Promise<Outcome> {
  const folder = mkdtempSync(join(consumer, "run-"));
  try {
    writeFileSync(join(folder, "package.json"), `{"type": "module"}`);
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG));
    writeFileSync(join(folder, "main.ts"), main);
    writeFileSync(join(folder, "schema.d.ts"), await typesOf(document, folder));
    try {
      await run(process.execPath, [compiler, "-p", "."], { cwd: folder });
    } catch (error) {
      return { kind: "refused", errors: (error as { stdout: string }).stdout };
    }
    const { stdout } = await run(process.execPath, ["out/main.js", ...args], { cwd: folder });
    return { kind: "ran", output: stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * A program that calls every operation of a document whose answer is JSON or empty with the document's own examples,
 * and prints an array of `[operationId, status, data]`. It takes the server's URL. `headers` go with each call.
 */
export function callEverything(document: OpenApiDocument, headers: Record<string, string> = {}): string {
  const calls = operationsOf(document).flatMap(({ method, path, operation }) => {
    const { requestBody, operationId, parameters = [] } = operation;
    const media = requestBody?.content["application/json"];
    if ((requestBody !== undefined && media === undefined) || !isPlain(operation)) return [];
    const own = parameters.filter((each): each is Parameter => "in" in each && each.example !== undefined);
    const params = Object.fromEntries(
      ["path", "query", "header"].flatMap((place) => {
        const here = own.filter((each) => each.in === place).map(({ name, example }) => [name, example]);
        return here.length === 0 ? [] : [[place, Object.fromEntries(here)]];
      }),
    );
    const options = [
      ...(own.length === 0 ? [] : [`params: ${JSON.stringify(params)}`]),
      ...(media === undefined ? [] : [`body: ${JSON.stringify(exampleOf(media))}`]),
    ];
    return [`await call("${operationId}", client.${method.toUpperCase()}("${path}", { ${options.join(", ")} }));`];
  });
  return `import createClient from "openapi-fetch";
import type { paths } from "./schema.js";
declare const process: { argv: string[] };
declare const console: { log(text: string): void };
const client = createClient<paths>({ baseUrl: process.argv[2] ?? "", headers: ${JSON.stringify(headers)} });
const results: [string, number, unknown][] = [];
async function call(id: string, made: Promise<{ response: Response; data?: unknown; error?: unknown }>): Promise<void> {
  const { response, data, error } = await made;
  results.push([id, response.status, data ?? error ?? null]);
}
${calls.join("\n")}
console.log(JSON.stringify(results));
`;
}

export interface Located {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The operations that OpenAPI 3.1 has a name for. */
export function operationsOf(document: OpenApiDocument): Located[] {
  return Object.entries(document.paths).flatMap(([path, { "x-additionalOperations": _, ...item }]) =>
    Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({ method, path, operation })),
  );
}

/** The status and example of the answer of an operation that succeeds. */
export function successOf({ responses }: Operation): { status: number; example: Json | undefined; types: string[] } {
  const [status = "200", response] = Object.entries(responses).find(([key]) => key.startsWith("2")) ?? [];
  const content = response !== undefined && "content" in response ? (response.content ?? {}) : {};
  const media = content["application/json"];
  return { status: Number(status), example: media && exampleOf(media), types: Object.keys(content) };
}

function isPlain(operation: Operation): boolean {
  return successOf(operation).types.every((type) => type === "application/json");
}

function exampleOf({ example, examples = {} }: MediaType): Json | undefined {
  return example ?? Object.values(examples)[0]?.value;
}
