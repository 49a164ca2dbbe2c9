#!/usr/bin/env node
// Starts the command line with the Node that it needs: this one if it is new enough, else the one that the package `node`
// brings. Written so that older ones read it.
"use strict";

const NEEDED = 26;
const MAIN = require("node:path").join(__dirname, "..", "dist", "program", "main.js");
/** What a terminal sends to the whole group itself. */
const FROM_TERMINAL = ["SIGINT", "SIGQUIT"];
const FORWARDED = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"];

if (Number(process.versions.node.split(".")[0]) >= NEEDED) {
  import(require("node:url").pathToFileURL(MAIN).href);
} else {
  const brought = findNode();
  if (brought === undefined) {
    process.stderr.write(
      `colloquy: needs Node ${NEEDED}, and this is ${process.version}: install that, or let npm run the install script of the package "node", which brings it\n`,
    );
    process.exitCode = 1;
  } else {
    run(brought);
  }
}

function findNode() {
  try {
    return require.resolve("node/bin/node");
  } catch (_) {
    return undefined;
  }
}

function run(node) {
  const words = process.execArgv.concat([MAIN], process.argv.slice(2));
  const child = require("node:child_process").spawn(node, words, { stdio: "inherit" });
  FORWARDED.forEach((signal) => {
    process.on(signal, () => {
      if (!process.stdin.isTTY || FROM_TERMINAL.indexOf(signal) < 0) child.kill(signal);
    });
  });
  // npm and npx start this by a shell, which ends on SIGTERM without passing it on.
  const parent = process.ppid;
  const watch =
    process.env.npm_execpath &&
    setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      child.kill("SIGTERM");
    }, 250);
  child.on("error", (error) => {
    process.stderr.write(`colloquy: ${node} does not start: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (status, signal) => {
    clearInterval(watch);
    FORWARDED.forEach((one) => {
      process.removeAllListeners(one);
    });
    // Ends as the server did, so that whoever started this sees it.
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = status;
  });
}
