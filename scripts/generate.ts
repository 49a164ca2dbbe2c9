// Writes everything in gen/ and test/gen/ from the .proto files. Usage: npm run generate
import { execFileSync } from "node:child_process";
import { gatherThirdParty } from "./third-party.ts";

gatherThirdParty();
execFileSync("buf", ["generate"], { stdio: "inherit" });
execFileSync("buf", ["generate", "--template", "test/support/buf.gen.yaml"], { stdio: "inherit" });
// In processes of their own: they import what was just generated.
execFileSync("node", ["scripts/test-image.ts"], { stdio: "inherit" });
execFileSync("node", ["scripts/openapi.ts"], { stdio: "inherit" });
execFileSync("node", ["scripts/settings-schema.ts"], { stdio: "inherit" });
