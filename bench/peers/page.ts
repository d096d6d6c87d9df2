/**
 * Puts the results of a race into the page of measurements, and draws its picture.
 *
 *     npm run bench:page -- FILE.csv
 *
 * FILE.csv is what `npm run bench:peers -- --csv FILE.csv` wrote. The rest of the page stays as it is.
 *
 * Next: results.ts
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, exit, stderr } from "node:process";
import { ourPackage } from "../../tools/node/our-package.ts";
import { withRace } from "./page-text.ts";
import { renderRatios } from "./ratios-svg.ts";
import { parseResults } from "./results.ts";

const PICTURE = "measurements.svg";

const [, , file] = argv;
if (file === undefined) {
  stderr.write("npm run bench:page -- FILE.csv\n");
  exit(2);
}
const results = parseResults(readFileSync(file, "utf8"));
const docs = join((await ourPackage()).folder, "docs");
const page = join(docs, "measurements.md");
writeFileSync(join(docs, PICTURE), renderRatios(results.rows));
writeFileSync(page, withRace(readFileSync(page, "utf8"), results, PICTURE));
