// The services of a package in the order in which documents show them: what most readers come for first.
import type { DescService, FileRegistry } from "@bufbuild/protobuf";

/** Those that are not named follow, by name. */
const FIRST = [
  "ConversationService",
  "MessageService",
  "TurnService",
  "ParticipantService",
  "ReactionService",
  "SignalService",
  "DraftService",
  "EventService",
  "TransferService",
];

export function servicesOf(image: FileRegistry, packageName: string): DescService[] {
  const files = [...image.files].filter((file) => file.proto.package === packageName);
  const place = ({ name }: DescService) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return files.flatMap((file) => file.services).sort((a, b) => place(a) - place(b) || (a.name < b.name ? -1 : 1));
}
