// The uploads that go on where they stopped, which are tus and no RPC, as a part of the document.
import type { OpenApiDocument, Operation, Parameter, Response } from "./openapi/index.ts";

const TAG = "Uploads";
const TUS: Parameter = header("Tus-Resumable", "The version of tus.", { const: "1.0.0" }, "1.0.0");
const LENGTH = { type: "string", pattern: "^[0-9]+$" };
const ID: Parameter = {
  name: "uploadId",
  in: "path",
  required: true,
  schema: { type: "string", format: "uuid" },
  description: "The upload's id.",
  example: "0199a2b4-7c1e-7b3a-9c55-3f1d2a6b8c90",
};
const FILE = {
  "Content-Location": { description: "The file that a whole upload has become.", schema: { type: "string" } },
};
const OFFSET = {
  "Upload-Offset": { description: "How many bytes have come.", schema: LENGTH },
};

/** Adds the operations of `/v1/uploads`. */
export function withUploads(document: OpenApiDocument): OpenApiDocument {
  const failures = failuresOf(document);
  const operation = (
    id: string,
    summary: string,
    rest: Pick<Operation, "description" | "parameters" | "requestBody">,
  ) => ({
    operationId: `${TAG}_${id}`,
    tags: [TAG],
    summary,
    ...rest,
  });
  return {
    ...document,
    tags: [...document.tags, { name: TAG, description: "Uploads that go on where they stopped, by tus 1.0." }],
    paths: {
      ...document.paths,
      "/v1/uploads": {
        post: {
          ...operation("Create", "Begins an upload", {
            description: "Its whole length counts towards the tenant's quota. It may go on for 24 hours.",
            parameters: [
              TUS,
              header("Upload-Length", "The bytes of the file.", LENGTH, "28"),
              {
                ...header("Upload-Metadata", "`filename` and `filetype`, each with its value in base64.", {
                  type: "string",
                }),
                required: false,
              },
            ],
          }),
          responses: {
            201: {
              description: "It has begun.",
              headers: {
                Location: { description: "The path of the upload.", schema: { type: "string" } },
                ...FILE,
              },
            },
            ...failures("400", "401", "403", "412", "413", "429", "503"),
          },
        },
      },
      "/v1/uploads/{uploadId}": {
        head: {
          ...operation("Get", "Says how far an upload has come", { parameters: [ID, TUS] }),
          responses: {
            200: {
              description: "How far it has come.",
              headers: {
                ...OFFSET,
                "Upload-Length": { description: "The bytes of the file.", schema: LENGTH },
                ...FILE,
              },
            },
            ...Object.fromEntries(
              ["401", "403", "404", "412", "503"].map((status) => [
                status,
                { description: "As of any call, without a body." },
              ]),
            ),
          },
        },
        patch: {
          ...operation("Append", "Brings the next bytes of an upload", {
            description: "What comes counts, also of a connection that breaks. The last bytes make the file.",
            parameters: [ID, TUS, header("Upload-Offset", "Where the bytes begin.", LENGTH, "0")],
            requestBody: {
              required: true,
              content: { "application/offset+octet-stream": { schema: { type: "string", format: "binary" } } },
            },
          }),
          responses: {
            204: { description: "They are stored.", headers: { ...OFFSET, ...FILE } },
            ...failures("400", "401", "403", "404", "409", "412", "413", "415", "429", "503"),
          },
        },
        delete: {
          ...operation("Delete", "Ends an upload, and removes what has come of it", { parameters: [ID, TUS] }),
          responses: { 204: { description: "It is gone." }, ...failures("401", "403", "404", "412", "503") },
        },
      },
    },
  };
}

function header(name: string, description: string, schema: Parameter["schema"], example?: string): Parameter {
  return { name, in: "header", required: true, schema, description, ...(example !== undefined && { example }) };
}

/** Those of any operation that has them; of tus itself, a line of text. */
function failuresOf({ paths }: OpenApiDocument) {
  const known = new Map(Object.entries(paths["/v1/files"]?.post?.responses ?? {}));
  for (const [status, response] of Object.entries(paths["/v1/files/{fileId}"]?.get?.responses ?? {}))
    known.set(status, response);
  const own = (description: string): Response => ({
    description,
    content: { "text/plain": { schema: { type: "string" } } },
  });
  const texts: Readonly<Record<string, string>> = {
    409: "The upload does not stand there.",
    412: "The version of tus is not 1.0.0, or missing.",
    415: "The media type is not `application/offset+octet-stream`.",
  };
  return (...statuses: string[]) =>
    Object.fromEntries(
      statuses.map((status) => {
        const response = texts[status] === undefined ? known.get(status) : own(texts[status]);
        if (response === undefined) throw new Error(`no operation of files has the status ${status}`);
        return [status, response];
      }),
    );
}
