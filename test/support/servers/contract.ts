// All services of the contract, read from gen/.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { DescFile, DescService } from "@bufbuild/protobuf";

const root = join(import.meta.dirname, "../../../gen/colloquy");

async function filesOf(folder: string): Promise<DescFile[]> {
  const files: DescFile[] = [];
  for (const name of readdirSync(join(root, folder), { encoding: "utf8" })) {
    if (!name.endsWith("_pb.ts")) continue;
    const module = (await import(join(root, folder, name))) as Record<string, DescFile | undefined>;
    files.push(...Object.values(module).filter((value): value is DescFile => value?.kind === "file"));
  }
  return files;
}

/** The services of `colloquy.v1`. */
export const ownServices: readonly DescService[] = (await filesOf("v1")).flatMap((file) => file.services);

/** The services of the five REST APIs. */
export const dialectServices: readonly DescService[] = (
  await Promise.all(readdirSync(join(root, "compat")).map((name) => filesOf(join("compat", name, "v1"))))
).flatMap((files) => files.flatMap((file) => file.services));
