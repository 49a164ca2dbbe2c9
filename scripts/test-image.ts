// Writes the image of the catalog, a contract for tests that need its comments. Usage: node scripts/test-image.ts
// [folder]
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const PATH = "colloquy/test/catalog/v1/catalog.proto";

const root = join(import.meta.dirname, "..");
const args = ["build", "test/proto", "--path", `test/proto/${PATH}`, "-o", "-#format=binpb"];
const image = fromBinary(FileDescriptorSetSchema, execFileSync("buf", args, { cwd: root, maxBuffer: 2 ** 26 }));
// Comments of other files are of no use to the tests, and most of the bytes.
for (const file of image.file) if (file.name !== PATH) delete file.sourceCodeInfo;
const [folder = join(root, "test/gen")] = process.argv.slice(2);
writeFileSync(join(folder, "catalog.binpb"), toBinary(FileDescriptorSetSchema, image));
