// What Python's gRPC, which is the C core of most languages' clients, makes of our answers.
import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoServer, startEchoServer, TOKEN } from "../support/echo-server.ts";

const PYTHON = "/usr/bin/python3";
const HAS_GRPC = spawnSync(PYTHON, ["-c", "import grpc, grpc_tools"]).status === 0;
if (!HAS_GRPC) {
  process.stderr.write("skipped: python3-grpcio and python3-grpc-tools are not installed\n");
}

const run = promisify(execFile);
const PROTOS = [
  "colloquy/test/v1/echo.proto",
  "buf/validate/validate.proto",
  "google/api/annotations.proto",
  "google/api/field_behavior.proto",
  "google/api/http.proto",
  "google/api/httpbody.proto",
  "google/rpc/error_details.proto",
  "google/rpc/status.proto",
];

interface Failure {
  readonly code: string;
  readonly details: string;
  readonly status?: string;
  readonly fields?: readonly string[];
}

describe.skipIf(!HAS_GRPC).each([
  ["the lanes", {}],
  ["Connect's handlers", { unaryLane: false, streamLane: false }],
])("Python's gRPC and %s", (_, lanes) => {
  let server: EchoServer;
  let directory: string;
  let seen: Record<string, unknown>;
  beforeAll(async () => {
    server = await startEchoServer(lanes);
    directory = await mkdtemp(join(tmpdir(), "colloquy-python-"));
    // Debian's compiler is older than `optional` in proto3; on the wire it says nothing.
    const old = await readFile("third_party/proto/google/rpc/error_details.proto", "utf8");
    await mkdir(join(directory, "old/google/rpc"), { recursive: true });
    await writeFile(join(directory, "old/google/rpc/error_details.proto"), old.replaceAll(/^ +optional /gm, "  "));
    const paths = [`-I${join(directory, "old")}`, "-Itest/proto", "-Ithird_party/proto"];
    const out = [`--python_out=${directory}`, `--grpc_python_out=${directory}`];
    await run(PYTHON, ["-m", "grpc_tools.protoc", ...paths, ...out, ...PROTOS]);
    const program = join(import.meta.dirname, "python-grpc.py");
    const { stdout } = await run(PYTHON, [program, `127.0.0.1:${server.port}`, TOKEN, directory]);
    seen = JSON.parse(stdout);
  }, 120_000);
  afterAll(async () => {
    await server?.close();
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  test("F-UNKNOWN: is told UNIMPLEMENTED of what there is not, and the connection lives", () => {
    const unknown = { code: "UNIMPLEMENTED", details: "there is no such service or method" };
    expect(seen["no service"]).toMatchObject(unknown);
    expect(seen["no method"]).toMatchObject(unknown);
    expect(seen["after all"]).toBe("still");
  });

  test("F-UNKNOWN: gets answers of every kind of method, compressed too", () => {
    expect(seen).toMatchObject({
      unary: "zwei — ü",
      "server stream": 3,
      "client stream": ["one", "two", "three"],
      "both ways": 3,
      gzip: 10_000,
    });
    expect(seen.deflate).toMatchObject({ code: "UNIMPLEMENTED" });
  });

  test("F-ERRTEXT: gets errors with their text, their details and their code", () => {
    const bad = seen["bad field"] as Failure;
    expect(bad).toMatchObject({ code: "INVALID_ARGUMENT", fields: ["behave"] });
    expect(bad.details).toMatch(/^behave: must be at most/);
    expect(bad.status).toBe(bad.details);
    expect(seen["no credential"]).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(seen.deadline).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(seen["too large"]).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      details: expect.stringContaining("4194304"),
    });
  });
});
