/**
 * Jobs, what each gives when it is run alone in a session, and what a scheduler gave.
 * @module
 */

import type { Job, JobEvent, JobId } from "../../../engine/batch/job.ts";
import { generate } from "../../../engine/generate/generate.ts";
import { logProbs, topIds } from "../../../engine/generate/sampler.ts";
import { Session } from "../../../engine/generate/session.ts";
import type { Model } from "../../../engine/model/model.ts";

/** All that a job tells, put together. */
export interface Told {
  readonly choices: { tokens: unknown[]; reason: string | undefined }[];
  prompt: unknown[] | undefined;
}

/** Runs each choice of a job in a session of its own. */
export async function alone(model: Model, job: Job, maxContext: number): Promise<Told> {
  const { n = 1, seed = 0, ids, promptLogProbs, topLogProbs = 0 } = job;
  const told: Told = { choices: [], prompt: undefined };
  for (let choice = 0; choice < n; choice++) {
    const draft = (job.draftSteps ?? 0) > 0;
    const session = new Session(model, { maxContext, draft });
    const constraint = job.constraint?.fork();
    const steps = generate(session, ids, {
      ...job,
      seed: seed + choice,
      ...(constraint && { constraint }),
    });
    const tokens: unknown[] = [];
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) tokens.push(step.value);
    told.choices.push({ tokens, reason: step.value });
    session.close();
    constraint?.close();
  }
  if (promptLogProbs) {
    const session = new Session(model, { maxContext });
    const rows = session.appendAll(ids);
    told.prompt = ids.slice(1).map((id, i) => {
      const top = topIds(rows[i], topLogProbs);
      const [logProb, ...others] = logProbs(rows[i], [id, ...top]);
      return { id, logProb, top: top.map((topId, k) => ({ id: topId, logProb: others[k] })) };
    });
    session.close();
  }
  return told;
}

/** Collects what a scheduler tells of its jobs. Stop ids are told apart, as a session does not tell them. */
export class Listener {
  readonly told = new Map<JobId, Told>();
  readonly errors = new Map<JobId, unknown>();
  readonly cached = new Map<JobId, number>();

  hear(events: readonly JobEvent[]): void {
    for (const event of events) {
      const told = this.told.get(event.job) ?? { choices: [], prompt: undefined };
      this.told.set(event.job, told);
      if (event.type === "admitted") this.cached.set(event.job, event.cachedTokens);
      if (event.type === "failed") this.errors.set(event.job, event.error);
      if (event.type === "prompt") told.prompt = [...event.tokens];
      if (event.type !== "token" && event.type !== "end") continue;
      while (told.choices.length <= event.choice) {
        told.choices.push({ tokens: [], reason: undefined });
      }
      const choice = told.choices[event.choice];
      if (choice.reason !== undefined) throw new Error("an event after the end");
      if (event.type === "end") choice.reason = event.reason;
      else if (!event.isStop) choice.tokens.push(event.token);
    }
  }
}
