// `npm pack` runs it: for the package, what our .proto files import lies beside them, so that `buf generate` and protoc
// need nothing else. In the tree it is a module of its own.
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "..");
const imports = join(root, "third_party/proto");
const { positionals } = parseArgs({ allowPositionals: true });

for (const folder of readdirSync(imports)) {
  const target = join(root, "proto", folder);
  rmSync(target, { recursive: true, force: true });
  if (positionals[0] === "add") cpSync(join(imports, folder), target, { recursive: true });
}
