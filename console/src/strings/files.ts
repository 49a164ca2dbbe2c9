// What the console says about files that are sent.
export const fileText = {
  attach: "Attach files",
  attached: "Attached files",
  drop: "Drop the files to attach them",
  sending: (name: string) => `Sending ${name}`,
  remove: (name: string) => `Remove ${name}`,
  tooMany: (most: number) => `A message may have ${most} files at most: those past them were left out.`,
};
