// Colours and defaults of the components.
import { createTheme, Textarea, TextInput } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "teal",
  primaryShade: { light: 9, dark: 6 },
  autoContrast: true,
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    // What people write runs in the direction of its own words.
    TextInput: TextInput.extend({ defaultProps: { dir: "auto" } }),
    Textarea: Textarea.extend({ defaultProps: { dir: "auto" } }),
  },
});
