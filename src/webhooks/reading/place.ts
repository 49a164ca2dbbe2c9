// Where an endpoint is: in the feed, or in the replay that comes before it.

/** Everything before it was taken. */
export type Place =
  | { readonly kind: "feed"; readonly position: bigint; readonly seq: bigint }
  /** In the order of conversations: up to `seq` of this one. Empty: before all of them. */
  | { readonly kind: "replay"; readonly conversationId: string; readonly seq: bigint };

/** As it is stored; see {@link parsePlace}. */
export function formatPlace(place: Place): string {
  return place.kind === "feed" ? `${place.position}.${place.seq}` : formatReplay(place.conversationId, place.seq);
}

function formatReplay(conversationId: string, seq: bigint): string {
  return conversationId === "" ? "" : `${conversationId}/${seq}`;
}

/** What {@link formatPlace} wrote. */
export function parsePlace(text: string): Place {
  if (text === "") return { kind: "replay", conversationId: "", seq: 0n };
  const [conversationId = "", seq] = text.split("/");
  if (seq !== undefined) return { kind: "replay", conversationId, seq: BigInt(seq) };
  const [position = "0", of = "0"] = text.split(".");
  return { kind: "feed", position: BigInt(position), seq: BigInt(of) };
}

/** Whether a place is not after another. A replay comes before the feed. */
export function isUpTo(place: Place, end: Place): boolean {
  if (place.kind === "replay") {
    if (end.kind === "feed") return true;
    // Ids in lower case compare like the uuids that they stand for.
    if (place.conversationId !== end.conversationId) return place.conversationId < end.conversationId;
    return place.seq <= end.seq;
  }
  if (end.kind === "replay") return false;
  return place.position < end.position || (place.position === end.position && place.seq <= end.seq);
}
