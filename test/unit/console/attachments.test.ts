// What of a paste or a drop is attached.
import { expect, test } from "vitest";
import { filesOf } from "../../../console/src/conversation/composer/attachments.ts";

const picture = new File(["dots"], "image.png", { type: "image/png" });
const pasted = (...types: string[]) => ({ types, files: [picture] }) as never;

test.each([
  ["a picture alone", pasted("Files"), [picture]],
  ["cells of a spreadsheet, which come with a picture of them", pasted("text/html", "text/plain", "Files"), []],
  ["nothing", null, []],
])("F-CONSOLE-PASTE: of %s, this is attached: %#", (_, data, expected) => {
  expect(filesOf(data)).toEqual(expected);
});
