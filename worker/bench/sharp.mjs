// Sharp's side of the comparison: a process that lives as long as the run, reads one JSON command
// a line and answers each with one JSON line. Knows what sharp is called with, and nothing of
// cases, rounds or tables.
//
// Usage: node sharp.mjs FOLDER, where FOLDER/node_modules has sharp.
//
// The pipeline is the one that Directus builds: default input options (sequential reading, fail on
// warnings, shrink-on-load), upright by EXIF, resize, format. Sharp gets a Buffer, as the other
// side gets bytes; one thread, and no cache, which would answer the second render of a picture.

import { createRequire } from 'node:module';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';

const sharp = createRequire(join(resolve(process.argv[2]), 'package.json'))('sharp');
sharp.concurrency(1);
sharp.cache(false);

/** A thumbnail of `bytes`; `variant` has the service's query parameters. */
function thumbnail(bytes, variant) {
  const { width, height, fit, withoutEnlargement, format, quality } = variant;
  return sharp(bytes, { sequentialRead: true })
    .autoOrient()
    .resize({ width, height, fit, withoutEnlargement })
    .toFormat(format, quality === undefined ? {} : { quality })
    .toBuffer();
}

/** The most memory that this process ever had at once; `maxRSS` would count that of its parent. */
async function peakBytes() {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)[1]) * 1024;
}

const commands = {
  /** What is being measured. */
  async about() {
    return { version: `sharp ${sharp.versions.sharp} (libvips ${sharp.versions.vips}), Node ${process.versions.node}` };
  },

  /** Encodes raw 8-bit pixels: the originals of the comparison. */
  async encode({ raw, width, height, channels, format, options, file }) {
    const pixels = await readFile(raw);
    await sharp(pixels, { raw: { width, height, channels } }).toFormat(format, options).toFile(file);
    return {};
  },

  /** Decodes a picture to PNG, for formats that the other side has no decoder for. */
  async decode({ file, png }) {
    await sharp(file).png().toFile(png);
    return {};
  },

  /** Renders all variants of a file `times` times; writes what the last time gave. */
  async render({ file, variants, times, outputs }) {
    const bytes = await readFile(file);
    let rendered = [];
    const wall = process.hrtime.bigint();
    const cpu = process.cpuUsage();
    for (let time = 0; time < times; time += 1) {
      rendered = [];
      for (const variant of variants) {
        rendered.push(await thumbnail(bytes, variant));
      }
    }
    const { user, system } = process.cpuUsage(cpu);
    const wallMs = Number(process.hrtime.bigint() - wall) / 1e6 / times;
    for (const [index, output] of outputs.entries()) {
      await writeFile(output, rendered[index]);
    }
    return { cpuMs: (user + system) / 1e3 / times, wallMs, peakBytes: await peakBytes() };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  const answer = await commands[command](rest).catch((error) => ({ error: error.message }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
