// Files that are dropped on the page: anywhere on it, for beside the box the browser would open the file in the page's place.
import { type RefObject, useEffect, useEffectEvent, useState } from "react";
import { filesOf } from "./attachments.ts";

/**
 * Whether files are held over the page.
 *
 * @param box takes them, unless it lies behind a dialog
 */
export function useDroppedFiles(
  box: RefObject<HTMLElement | null>,
  onFiles: (files: readonly File[]) => void,
): boolean {
  const [isOver, setIsOver] = useState(false);
  const take = useEffectEvent(onFiles);
  useEffect(() => {
    const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files") === true;
    const isBehind = () =>
      [...document.querySelectorAll("[role=dialog]")].some((dialog) => !dialog.contains(box.current));
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setIsOver(!isBehind());
    };
    const leave = ({ relatedTarget }: DragEvent) => {
      if (relatedTarget === null) setIsOver(false);
    };
    const drop = (event: DragEvent) => {
      setIsOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (!isBehind()) take(filesOf(event.dataTransfer));
    };
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, [box]);
  return isOver;
}
