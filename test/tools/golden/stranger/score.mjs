// Asks the golden kit about a list of dumps, all in one process: node score.mjs JOBS ANSWERS
// Each answer is a line as soon as it is there, so that a run that is stopped has told something.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { check, explain } from "../../../../dist/tools/golden/index.js";

const [, , jobsFile, answersFile] = process.argv;
const jobs = JSON.parse(readFileSync(jobsFile, "utf8"));
writeFileSync(answersFile, "");
for (const [n, job] of jobs.entries()) {
  const began = process.cpuUsage();
  const said = await answer(job);
  const { user, system } = process.cpuUsage(began);
  appendFileSync(answersFile, `${JSON.stringify({ ...job, ...said, seconds: (user + system) / 1e6 })}\n`);
  if (n % 50 === 49) process.stderr.write(`${n + 1} of ${jobs.length}\n`);
}

async function answer(job) {
  const verdict = await check(job.file, {
    case: job.case,
    ...(job.class && { class: job.class }),
    replay: job.replay ?? false,
  });
  const { status, engineClass, rightAs, firstOff, firstWrong } = verdict;
  const found = { status, engineClass, rightAs, firstOff, sentence: firstWrong?.sentence };
  if (!job.explain || status !== "wrong") return found;
  return { ...found, explanation: await explain(verdict) };
}
