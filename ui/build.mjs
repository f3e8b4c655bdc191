// Builds the page into src/sise/serve/static/ (or the folder given as the first argument): one script, one
// style sheet, one document, one icon, and the licences of what is bundled. `hatch_build.py` calls this.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "../src/sise/serve/static"));
const BUNDLED = ["lightweight-charts", "fancy-canvas"];
const NOTICE = `This page includes:

TradingView Lightweight Charts™
Copyright (c) 2026 TradingView, Inc. https://www.tradingview.com/
`;
const FANCY_CANVAS_LICENCE = `MIT License

Copyright (c) 2019 TradingView, Inc

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.
`;

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8",
    format: "iife",
    target: "es2022",
    legalComments: "inline",
    logLevel: "warning",
  });
  return result.outputFiles[0].contents;
}

async function licences() {
  const parts = [NOTICE];
  for (const name of BUNDLED) {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const text = await readFile(join(folder, "LICENSE"), "utf8").catch(() => FANCY_CANVAS_LICENCE);
    parts.push(`${"=".repeat(100)}\n${name} ${version} (${license})\n${"=".repeat(100)}\n\n${text}`);
  }
  return parts.join("\n");
}

// The name of a built file carries its content's hash as a query, so that a browser may keep it for ever.
function stamped(document, name, contents) {
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 12);
  return document.replaceAll(`/static/${name}`, `/static/${name}?v=${hash}`);
}

const [script, style, icon, page, legal] = await Promise.all([
  bundle("src/main.ts"),
  bundle("src/app.css"),
  readFile(join(here, "favicon.svg")),
  readFile(join(here, "index.html"), "utf8"),
  licences(),
]);
const document = stamped(stamped(page, "app.js", script), "app.css", style);
await mkdir(out, { recursive: true });
await Promise.all(
  Object.entries({ "app.js": script, "app.css": style, "index.html": document, "favicon.svg": icon, "LEGAL.txt": legal }).map(
    ([name, contents]) => writeFile(join(out, name), contents),
  ),
);
