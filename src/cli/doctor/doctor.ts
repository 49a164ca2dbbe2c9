// `doctor`: checks what the server needs, and prints a line for each finding. It changes nothing.
import { CommandError, type Invocation } from "../command.ts";
import type { Finding } from "./finding.ts";
import { checkCertificate, checkDataDir, checkFiles, checkNode, checkPorts } from "./machine.ts";
import { checkReplicas } from "./replicas.ts";
import { checkDatabase, checkHints, checkIssuers } from "./services.ts";

export async function run({ config, print }: Invocation): Promise<void> {
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
  ]);
  const findings: readonly Finding[] = groups.flat();
  for (const { level, subject, text } of findings) print(`${level.padEnd(4)}  ${subject}: ${text}`);
  const failed = findings.filter(({ level }) => level === "fail").length;
  if (failed > 0) throw new CommandError(`${failed} of ${findings.length} checks failed`);
}
