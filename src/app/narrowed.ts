// What one port serves.
import type { DescService } from "@bufbuild/protobuf";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Mount } from "../protocols/rest/binding/mount.ts";

/** A dialect's own port serves that dialect and health only. */
export function narrowed(pipeline: Pipeline, mounts: readonly Mount[], health: DescService): Pipeline {
  const served = new Set<unknown>([...mounts.flatMap(({ serves }) => serves), health]);
  const methods = [...pipeline.methods].filter(([, method]) => served.has(method.parent) || served.has(method));
  return { ...pipeline, methods: new Map(methods) };
}
