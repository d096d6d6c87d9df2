// Asks the golden kit about a list of dumps, all in one process: node score.mjs JOBS ANSWERS
import { readFileSync, writeFileSync } from "node:fs";
import { check, diagnose, textOf } from "../../../../dist/tools/golden/index.js";

const [, , jobsFile, answersFile] = process.argv;
const jobs = JSON.parse(readFileSync(jobsFile, "utf8"));
const answers = [];
for (const [n, job] of jobs.entries()) {
  const began = performance.now();
  answers.push(await answer(job));
  answers[n].seconds = (performance.now() - began) / 1000;
  if (n % 50 === 49) process.stderr.write(`${n + 1} of ${jobs.length}\n`);
}
writeFileSync(answersFile, JSON.stringify(answers));

async function answer(job) {
  const verdict = await check(job.file, {
    case: job.case,
    ...(job.class && { class: job.class }),
    replay: job.replay ?? false,
  });
  const { status, engineClass, firstOff, firstWrong } = verdict;
  const found = { status, engineClass, firstOff, sentence: firstWrong?.sentence };
  if (!job.diagnose || status !== "wrong") return found;
  const diagnosis = await diagnose(verdict);
  const { suspects, pairs, explanation } = diagnosis;
  return {
    ...found,
    names: suspects.filter(({ fits }) => fits).map(({ bug, what }) => `${bug}: ${what}`),
    pairs: pairs.map(({ mistakes }) => mistakes.map(({ bug, what }) => `${bug}: ${what}`)),
    explanation,
    text: textOf(diagnosis),
  };
}
