// Texts about addresses that are not understood.
const time = "is no time. Write one such as 2026-01-31T09:00:00Z.";
const pairs = "is not name=value, separated by commas.";
const yes = "can only be yes.";

export const addressText: AddressText = {
  title: "A part of the address is not understood, and filters nothing",
  drop: "Remove it from the address",
  unknown: "is no filter of this view.",
  rules: {
    order: "is no order. Known: activity, newest, oldest.",
    status: "is no status. Known: active, archived, closed.",
    call: "is no call type. Known: inbound, outbound, training.",
    from: time,
    to: time,
    labels: pairs,
    metadata: pairs,
    pinned: yes,
    deleted: yes,
    revoked: yes,
    lifted: yes,
    days: "is no period. Known: 7, 30, 92.",
    actorType: "is no kind of actor. Known: MEMBER, API_KEY, AGENT, SYSTEM.",
  },
};

interface AddressText {
  readonly title: string;
  readonly drop: string;
  readonly unknown: string;
  /** By the name in the address. */
  readonly rules: Readonly<Record<string, string>>;
}
