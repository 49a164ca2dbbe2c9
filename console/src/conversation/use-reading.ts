// Read marks: who has read up to where, and that the caller has.
import { createClient } from "@connectrpc/connect";
import { useQuery } from "@connectrpc/connect-query";
import { useDocumentVisibility } from "@mantine/hooks";
import { useEffect, useSyncExternalStore } from "react";
import type { ReadMark } from "../../../gen/colloquy/v1/participant_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { useServices } from "../app/services.ts";
import { useThrottled } from "../ui/use-throttled.ts";

const NO_MARKS: readonly ReadMark[] = [];
/** How often a mark is moved where messages come all the time, in milliseconds. */
const MARK_MS = 1_000;

/** Who has read up to which entry. */
export function useReadMarks(conversationId: string, enabled: boolean): readonly ReadMark[] {
  const request = { conversationId, pageSize: 200 };
  const { data } = useQuery(ParticipantService.method.listReadMarks, request, { enabled });
  return data?.readMarks ?? NO_MARKS;
}

/** What is in sight counts as read, by one who takes part. */
export function useMarkRead(conversationId: string, counts: boolean, lastSeq: bigint | undefined): void {
  const { transport, connection } = useServices();
  const isLost = useSyncExternalStore(connection.subscribe, connection.isLost);
  // What came while another tab was in front is read when one comes back, and told when the server can be reached.
  const isInSight = useDocumentVisibility() === "visible" && !isLost;
  const mark = useThrottled(async () => {
    const { markRead } = createClient(ParticipantService, transport);
    if (counts && lastSeq !== undefined && lastSeq > 0n) await markRead({ conversationId, readSeq: lastSeq });
  }, MARK_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a mark for each last message
  useEffect(() => {
    if (counts && isInSight) mark();
  }, [counts, isInSight, lastSeq, mark]);
}
