// Gathers what is not ours into third_party/: the .proto files that ours import, where buf finds them as a second
// module, and the page that shows the API. `npm ci` does it, so that clients can be generated from a fresh clone.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProtoFile } from "./print-proto.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "third_party/proto");

/** Where each file lies in its npm package, and where its importers expect it. */
const copies: ReadonlyArray<readonly [from: string, to: string]> = [
  ["google-gax/build/protos/google/api/annotations.proto", "google/api/annotations.proto"],
  ["google-gax/build/protos/google/api/field_behavior.proto", "google/api/field_behavior.proto"],
  ["google-gax/build/protos/google/api/http.proto", "google/api/http.proto"],
  ["google-gax/build/protos/google/api/httpbody.proto", "google/api/httpbody.proto"],
  ["google-gax/build/protos/google/rpc/code.proto", "google/rpc/code.proto"],
  ["google-gax/build/protos/google/rpc/error_details.proto", "google/rpc/error_details.proto"],
  ["google-gax/build/protos/google/rpc/status.proto", "google/rpc/status.proto"],
  ["@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto", "grpc/reflection/v1/reflection.proto"],
  ["@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto", "grpc/reflection/v1alpha/reflection.proto"],
  ["grpc-health-check/proto/health/v1/health.proto", "grpc/health/v1/health.proto"],
];

/** The viewer of the API is copied, not depended on: its npm package brings one that reports each install. */
const viewer = join(root, "third_party/swagger-ui");
const VIEWER_FILES = ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "LICENSE", "NOTICE"];

/** Replaces third_party/ with fresh copies. */
export function gatherThirdParty(): void {
  rmSync(target, { recursive: true, force: true });
  for (const [from, to] of copies) {
    mkdirSync(dirname(join(target, to)), { recursive: true });
    cpSync(join(root, "node_modules", from), join(target, to));
  }
  rmSync(viewer, { recursive: true, force: true });
  mkdirSync(viewer, { recursive: true });
  for (const file of VIEWER_FILES) cpSync(join(root, "node_modules/swagger-ui-dist", file), join(viewer, file));
  // No npm package ships this source file, but its descriptor says everything.
  mkdirSync(join(target, "buf/validate"), { recursive: true });
  writeFileSync(join(target, "buf/validate/validate.proto"), printProtoFile(file_buf_validate_validate));
}

if (import.meta.main) gatherThirdParty();
