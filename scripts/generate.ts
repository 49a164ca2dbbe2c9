// Writes everything in gen/ from proto/. Usage: npm run generate
import { execFileSync } from "node:child_process";
import { gatherThirdParty } from "./third-party.ts";

gatherThirdParty();
execFileSync("buf", ["generate"], { stdio: "inherit" });
