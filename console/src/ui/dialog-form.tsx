// A form in a dialog: it stays open, with what was written, until its call has succeeded.
import { Button, Group, Modal, Stack } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { text } from "../strings/en.ts";
import { FailureNotice } from "./failure-notice.tsx";

export interface DialogFormProps {
  readonly title: string;
  readonly submit: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** Gets the texts of the form's fields by their names. */
  readonly onSubmit: (fields: FormFields) => void;
  readonly isPending: boolean;
  readonly error: unknown;
  /** Whether it ends something that does not come back. */
  readonly isDangerous?: boolean;
  readonly children: ReactNode;
}

/** What a form holds. */
export interface FormFields {
  /** The text of a field, without space at its ends. Empty: there is none. */
  one(name: string): string;
  /** All values of the boxes with this name that are checked. */
  all(name: string): string[];
}

export function DialogForm(props: DialogFormProps) {
  const { title, submit, isOpen, onClose, onSubmit, isPending, error, isDangerous = false, children } = props;
  const take = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    // Enter, pressed twice, sends once.
    if (!isPending) onSubmit(fieldsOf(event.currentTarget));
  };
  return (
    <Modal opened={isOpen} onClose={onClose} title={title} lockScroll={false} closeButtonProps={CLOSE}>
      <form onSubmit={take}>
        <Stack gap="sm">
          {children}
          {error !== null && error !== undefined && <FailureNotice error={error} />}
          <Group gap="xs" justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={isPending} {...(isDangerous && { color: "red.9" })}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const CLOSE = { "aria-label": text.common.close };

export function fieldsOf(form: HTMLFormElement): FormFields {
  const data = new FormData(form);
  return {
    one: (name) => String(data.get(name) ?? "").trim(),
    all: (name) => data.getAll(name).map(String),
  };
}
