// A file: a picture is shown, anything else can be saved. Files of elsewhere are links, so that nothing is fetched
// unasked.
import { create } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { Anchor, Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { DownloadFileRequestSchema, FileService } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import type { FilePart } from "../../../../gen/colloquy/v1/part_pb.ts";
import { useServices } from "../../app/services.ts";
import { text } from "../../strings/en.ts";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { saveWhole } from "../../ui/save.ts";
import { PICTURES, useFileFacts } from "./file-facts.ts";
import styles from "./file-part.module.css";

export function FilePartView({ file }: { file: FilePart }) {
  const { source } = file;
  const { name, mediaType } = useFileFacts(file);
  const label = name || mediaType || text.conversation.file;
  if (source.case === "url" && /^https?:\/\//i.test(source.value)) {
    return (
      <Anchor href={source.value} target="_blank" rel="noopener noreferrer nofollow" underline="always">
        {label}
      </Anchor>
    );
  }
  if (source.case !== "fileId" && source.case !== "data") return <span>{label}</span>;
  return <StoredFile source={source} label={label} isPicture={PICTURES.test(mediaType)} />;
}

interface StoredFileProps {
  readonly source: Extract<FilePart["source"], { case: "fileId" | "data" }>;
  readonly label: string;
  readonly isPicture: boolean;
}

function StoredFile({ source, label, isPicture }: StoredFileProps) {
  const { transport } = useServices();
  const [picture, setPicture] = useState<string>();
  useEffect(() => () => URL.revokeObjectURL(picture ?? ""), [picture]);
  const fetching = useMutation({
    mutationFn: async () => {
      const blob = new Blob(
        source.case === "data" ? [new Uint8Array(source.value)] : await download(transport, source.value),
      );
      if (isPicture) setPicture(URL.createObjectURL(blob));
      else saveWhole(blob, label);
    },
  });
  if (picture !== undefined) return <img src={picture} alt={label} className={styles.picture} />;
  return (
    <>
      <Button
        variant="default"
        size="xs"
        classNames={{ root: styles.button ?? "", label: styles.label ?? "" }}
        title={label}
        loading={fetching.isPending}
        onClick={() => fetching.mutate()}
      >
        {isPicture ? text.conversation.show(label) : text.conversation.save(label)}
      </Button>
      {fetching.isError && <FailureNotice error={fetching.error} />}
    </>
  );
}

async function download(transport: Transport, fileId: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const request = create(DownloadFileRequestSchema, { fileId });
  for await (const { body } of createClient(FileService, transport).downloadFile(request)) {
    if (body !== undefined) pieces.push(new Uint8Array(body.data));
  }
  return pieces;
}
