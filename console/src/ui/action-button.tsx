// A button that asks before it acts.
import { Button, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { DialogForm, type FormFields } from "./dialog-form.tsx";

/** As much of a mutation as a dialog needs. */
export interface Running {
  readonly isPending: boolean;
  readonly error: unknown;
  reset(): void;
}

export interface ActionButtonProps {
  readonly label: string;
  /** Of the dialog. Default: the label. */
  readonly title?: string;
  readonly submit?: string;
  /** What will happen. */
  readonly explanation?: string;
  readonly isDangerous?: boolean;
  /** Whether it is what one mostly does on its page. */
  readonly isPrimary?: boolean;
  readonly running: Running;
  /** Acts, and calls `done` once that has succeeded. */
  readonly act: (fields: FormFields, done: () => void) => void;
  /** Fields of the dialog. */
  readonly children?: ReactNode;
}

export function ActionButton(props: ActionButtonProps) {
  const { label, title = label, submit = label, explanation, running, act, isDangerous, isPrimary, children } = props;
  const [isOpen, setIsOpen] = useState(false);
  const close = () => {
    running.reset();
    setIsOpen(false);
  };
  return (
    <>
      <Button size="xs" {...(!isPrimary && { variant: "default" })} onClick={() => setIsOpen(true)}>
        {label}
      </Button>
      <DialogForm
        title={title}
        submit={submit}
        isOpen={isOpen}
        onClose={close}
        onSubmit={(fields) => act(fields, close)}
        isPending={running.isPending}
        error={running.error}
        {...(isDangerous && { isDangerous })}
      >
        {explanation !== undefined && <Text size="sm">{explanation}</Text>}
        {children}
      </DialogForm>
    </>
  );
}
