// The fields of a form that say which conversations a policy or a hold is about: all that the contract knows.
import { NativeSelect, TextInput } from "@mantine/core";
import { CallType, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { MemberRole } from "../../../gen/colloquy/v1/member_pb.ts";
import { adminText } from "../strings/admin.ts";
import { text } from "../strings/en.ts";
import { operationsText } from "../strings/operations.ts";
import { choicesOf } from "../ui/word-of.ts";
import { CALLS, STATUSES } from "./match-words.ts";

const words = operationsText.retention.match;
const { filters } = text;
const ANY = { value: "0", label: text.common.any };
/** `name=value, name=value`, as the browser checks it before the form is sent. */
const PAIRS = "\\s*[^=,\\s][^=,]*=[^,]*(,\\s*[^=,\\s][^=,]*=[^,]*)*";

export function MatchFields() {
  return (
    <>
      <TextInput name="entityType" label={words.entityType} maxLength={100} />
      <TextInput name="mode" label={words.mode} maxLength={100} />
      <TextInput name="agent" label={words.agent} maxLength={200} />
      <NativeSelect name="callType" label={filters.call} data={[ANY, ...choicesOf(CallType, CALLS)]} />
      <NativeSelect name="status" label={filters.status} data={[ANY, ...choicesOf(ConversationStatus, STATUSES)]} />
      <NativeSelect name="ownerRole" label={words.ownerRole} data={[ANY, ...choicesOf(MemberRole, adminText.roles)]} />
      <TextInput
        name="labels"
        label={filters.labels}
        placeholder={filters.labelsHint}
        pattern={PAIRS}
        title={filters.pairs}
      />
    </>
  );
}
