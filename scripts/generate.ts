// Writes everything in gen/ and test/gen/ from the .proto files. Usage: npm run generate
import { execFileSync } from "node:child_process";
import { gatherThirdParty } from "./third-party.ts";

gatherThirdParty();
execFileSync("buf", ["generate"], { stdio: "inherit" });
execFileSync("buf", ["generate", "--template", "test/support/buf.gen.yaml"], { stdio: "inherit" });
// In a process of its own: it imports what was just generated.
execFileSync("node", ["scripts/openapi.ts"], { stdio: "inherit" });
