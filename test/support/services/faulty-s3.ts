// As much of an S3-compatible store as files need, in memory, whose answers a test can replace by those that real
// stores have given.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { endWithTest } from "../run/child.ts";

export interface S3Request {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** The line is cut after so many bytes of the body. */
  readonly cutAfter?: number;
}

export interface FaultyS3 {
  readonly endpoint: string;
  readonly requests: S3Request[];
  readonly objects: Map<string, Buffer>;
  /** Asked first for each request; undefined: the store answers as it should. */
  fault: (request: S3Request) => S3Answer | undefined;
}

export const error = (status: number, code: string, message = "no"): S3Answer => ({
  status,
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

export const xml = (body: string): S3Answer => ({ status: 200, headers: { "content-type": "application/xml" }, body });

const tagOf = (bytes: Buffer) => `"${createHash("md5").update(bytes).digest("hex")}"`;

export async function startFaultyS3(): Promise<FaultyS3> {
  const parts = new Map<string, Map<number, Buffer>>();
  const store: FaultyS3 = { endpoint: "", requests: [], objects: new Map(), fault: () => undefined };
  const { objects } = store;

  const answerOf = ({ method, path, query, headers, body }: S3Request): S3Answer => {
    const upload = query.get("uploadId") ?? "";
    if (method === "POST" && query.has("uploads")) {
      parts.set("one", new Map());
      return xml("<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>");
    }
    if (method === "PUT" && upload !== "") {
      parts.get(upload)?.set(Number(query.get("partNumber")), body);
      return { status: 200, headers: { etag: tagOf(body) } };
    }
    if (method === "POST") {
      const all = [...(parts.get(upload) ?? [])].sort(([a], [b]) => a - b).map(([, part]) => part);
      objects.set(path, Buffer.concat(all));
      return xml("<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>");
    }
    if (method === "PUT") {
      objects.set(path, body);
      return { status: 200, headers: { etag: tagOf(body) } };
    }
    if (method === "DELETE") {
      if (upload === "") objects.delete(path);
      return { status: 204 };
    }
    if (query.has("versioning")) return xml("<VersioningConfiguration/>");
    if (query.has("list-type")) return xml("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
    const bytes = objects.get(path);
    if (bytes === undefined) return error(404, "NoSuchKey");
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    return { status: 206, headers: { etag: tagOf(bytes) }, body: bytes.subarray(Number(from), Number(to) + 1) };
  };

  const server = createServer(async (request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "", "http://store");
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const asked = { method: request.method ?? "", path, query, headers: request.headers, body };
    store.requests.push(asked);
    const { status, headers, body: said = "", cutAfter } = store.fault(asked) ?? answerOf(asked);
    response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(said) });
    if (cutAfter === undefined) response.end(said);
    else response.write(Buffer.from(said).subarray(0, cutAfter), () => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  endWithTest(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(store, { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
