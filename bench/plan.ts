// How long each scenario takes in a whole run on two quiet cores, its servers included, in seconds at most. A run says
// which took longer.
export const PLANNED_SECONDS = {
  P1: 36,
  P2: 19,
  P3: 14,
  P4: 13,
  P5: 42,
  P6: 7,
  P7: 4,
  P8: 26,
  P9: 19,
  P10: 0,
  P11: 8,
  P12: 10,
  P13: 24,
  hot: 25,
  dialect: 45,
  pages: 9,
  branches: 11,
  import: 17,
  turns: 7,
  steps: 10,
  chats: 32,
  browsers: 10,
  tokens: 1,
  parts: 14,
  reactions: 20,
  typists: 40,
  webhooks: 45,
  deadEndpoints: 34,
  files: 25,
  bytes: 6,
  processes: 33,
  curves: 35,
};

/** Those that a whole run leaves out, because what they measure is made anew first. They run where `--only` names them. */
export const BY_NAME_SECONDS = { nodes: 230 };
