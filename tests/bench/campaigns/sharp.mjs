// One call of sharp a thumbnail, as scripts that pregenerate do: each original is read and decoded
// anew for each of its sizes. As many at a time as there are cores.
//
// Usage: node sharp.mjs SHARP ORIGINALS THUMBNAILS WIDTH..., where SHARP/node_modules has sharp.

import { createRequire } from 'node:module';
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, parse, resolve } from 'node:path';

const [folder, originals, thumbnails, ...widths] = process.argv.slice(2);
const sharp = createRequire(join(resolve(folder), 'package.json'))('sharp');

const work = (await readdir(originals)).flatMap((file) => widths.map((width) => ({ file, width: Number(width) })));
async function worker() {
  for (let next; (next = work.pop()) !== undefined; ) {
    const output = join(thumbnails, `${parse(next.file).name}-${next.width}.jpg`);
    await sharp(join(originals, next.file)).autoOrient().resize({ width: next.width }).jpeg({ quality: 80 }).toFile(output);
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, worker));
console.log(`sharp ${sharp.versions.sharp} (libvips ${sharp.versions.vips}), Node ${process.versions.node}`);
