// Tools that a provider runs itself: only the same provider knows their calls.
import { ToolPlace, ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { Call, Item } from "./items.ts";

export function isHosted({ type, place }: Call): boolean {
  return type === ToolType.BUILT_IN || place === ToolPlace.PROVIDER;
}

/**
 * A history for another provider: without hosted calls and their results, and without items kept for one that is not
 * `format`.
 */
export function withoutHosted(items: readonly Item[], format?: string): Item[] {
  const hosted = new Set<string>();
  return items.filter((item) => {
    switch (item.kind) {
      case "foreign":
        return item.format === format;
      case "call":
        if (isHosted(item)) hosted.add(item.callId);
        else hosted.delete(item.callId);
        return !isHosted(item);
      case "result":
        return !hosted.has(item.callId);
      default:
        return true;
    }
  });
}
