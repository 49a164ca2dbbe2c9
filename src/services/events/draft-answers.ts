// The caller's own drafts as responses of Subscribe: each as it is when it is read, after a change on any device.
import { create } from "@bufbuild/protobuf";
import { type SubscribeResponse, SubscribeResponseSchema } from "../../../gen/colloquy/v1/event_service_pb.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { DraftNotices } from "../../live/signals/draft-notices.ts";
import type { Database } from "../../store/database.ts";
import { listDrafts, readDraft } from "../../store/drafts/drafts.ts";
import { toDraftMessage } from "../drafts/convert.ts";
import type { SpareRoom } from "./signal-responses.ts";

/** Looked at when notices may have been lost. */
const LATEST = 100;

/** Puts drafts into spare room, once there is some. Returns a function that ends it. */
export function followDrafts(
  database: Database,
  notices: DraftNotices,
  caller: () => Caller,
  spare: SpareRoom<SubscribeResponse>,
): () => void {
  const changed = new Set<string>();
  let all = false;
  let running = false;
  let ended = false;

  async function deliver(): Promise<void> {
    if (all) {
      all = false;
      const list = { conversationId: null, before: undefined, limit: LATEST };
      for (const { conversation_id } of await listDrafts(database, caller(), list)) {
        changed.add(conversation_id);
      }
    }
    const [id] = changed;
    if (id === undefined) return;
    changed.delete(id);
    const row = await readDraft(database, caller(), id);
    const draft = row === undefined ? { conversationId: id } : toDraftMessage(row);
    await spare.free();
    if (!ended && !spare.offer([create(SubscribeResponseSchema, { draft })])) changed.add(id);
  }

  async function run(): Promise<void> {
    running = true;
    // What cannot be read now is read after the next change, or when the client lists its drafts.
    while (!ended && (all || changed.size > 0)) await deliver().catch(() => {});
    running = false;
  }

  const { tenantId, actor } = caller();
  const unlisten = notices.listen(tenantId, actor, (conversationId) => {
    if (conversationId === undefined) all = true;
    else changed.add(conversationId);
    if (!running) void run();
  });
  return () => {
    ended = true;
    unlisten();
  };
}
