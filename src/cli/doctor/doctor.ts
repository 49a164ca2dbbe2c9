// `doctor`: checks what the server needs, and prints a line for each finding. It changes nothing.
import type { Config } from "../../config/config.ts";
import { CommandError, type Invocation } from "../command.ts";
import { checkCollector } from "./collector.ts";
import type { Finding } from "./finding.ts";
import { checkHints } from "./hints.ts";
import { checkCertificate, checkDataDir, checkFiles, checkNode, checkPorts, checkReady } from "./machine.ts";
import { checkReplicas } from "./replicas.ts";
import { checkDatabase, checkIssuers } from "./services.ts";

export async function run({ config, options, print }: Invocation): Promise<void> {
  const findings = options.ready === true ? [await checkReady(config)] : await checkAll(config);
  for (const { level, subject, text } of findings) print(`${level.padEnd(4)}  ${subject}: ${text}`);
  const failed = findings.filter(({ level }) => level === "fail").length;
  if (failed > 0) throw new CommandError(`${failed} of ${findings.length} checks failed`);
}

async function checkAll(config: Config): Promise<readonly Finding[]> {
  const groups = await Promise.all([
    [checkNode()],
    checkDataDir(config),
    checkFiles(config),
    checkDatabase(config),
    checkReplicas(config),
    checkCertificate(config),
    checkPorts(config),
    checkIssuers(config),
    checkHints(config),
    checkCollector(config),
  ]);
  return groups.flat();
}
