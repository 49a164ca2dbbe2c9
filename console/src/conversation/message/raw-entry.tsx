// An entry as the API returns it, as JSON.
import { toJsonString } from "@bufbuild/protobuf";
import { Modal } from "@mantine/core";
import { type Message, MessageSchema } from "../../../../gen/colloquy/v1/message_pb.ts";
import { text } from "../../strings/en.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Source } from "./fold.tsx";

export default function RawEntry({ message, onClose }: { message: Message; onClose: () => void }) {
  const json = toJsonString(MessageSchema, message, { prettySpaces: 2, useProtoFieldName: true });
  return (
    <Modal opened onClose={onClose} title={text.conversation.raw} size="lg" lockScroll={false}>
      <CopyButton value={json} />
      <Source text={json} />
    </Modal>
  );
}
