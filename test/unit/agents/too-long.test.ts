// Which refusals of endpoints say that the history is longer than the model can hold.
import { expect, test } from "vitest";
import { isTooLong } from "../../../src/agents/connectors/history/too-long.ts";

test.each([
  [
    "OpenAI",
    `{"error":{"message":"This model's maximum context length is 16385 tokens.","code":"context_length_exceeded"}}`,
  ],
  [
    "OpenAI's Responses",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
  ],
  ["Anthropic", "prompt is too long: 210000 tokens > 200000 maximum"],
  ["Anthropic, with the answer", "input length and `max_tokens` exceed context limit: 164037 + 64000 > 204658"],
  ["Bedrock", "Input is too long for requested model."],
  ["Gemini", "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."],
  ["Mistral", "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"],
  ["Groq", "Please reduce the length of the messages or completion."],
  ["Together", "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193."],
  [
    "llama.cpp",
    `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`,
  ],
])("%s says it so", (_, refusal) => {
  expect(isTooLong(refusal)).toBe(true);
});

test.each([
  `{"error":{"message":"Invalid value for 'temperature'","code":"invalid_value"}}`,
  "Rate limit reached for tokens per minute: Limit 30000, Requested 40000",
  "max_tokens is too large: 999999. This model supports at most 4096 completion tokens",
])("others are something else: %s", (refusal) => {
  expect(isTooLong(refusal)).toBe(false);
});
