/**
 * All switches of scene 11, each alone, as the build has tried them: what each one breaks, and which of
 * them do not show in the text.
 * @module
 */
import { computed } from "@preact/signals";
import type { JSX } from "preact";
import { recordedAnswers } from "../engine.ts";
import { type Tried, triedTable } from "../figures.ts";
import { switches } from "../state.ts";
import { Bars } from "../ui/bars.tsx";
import { Figure } from "../ui/figure.tsx";
import { num, say } from "../ui/say.ts";

/** The switches that the build has tried, each alone. */
export const tried = computed((): readonly Tried[] =>
  (recordedAnswers.value?.all("whatIf") ?? []).map(({ ask, answer }) => ({
    id: ask.switches.join(" + "),
    answer,
  })),
);

/** Names those switches that change a stage of the recorded text and no token after it. */
export function silentSwitches(): string | undefined {
  const { whatif: our } = say.value;
  const [first] = tried.value;
  if (!first) return undefined;
  const silent = tried.value.filter(
    ({ answer: { stage, tokenAt } }) => stage !== undefined && tokenAt === undefined,
  );
  const names = silent.map(({ id, answer }) => `${our.switches[id]?.name ?? id} (${answer.stage})`);
  const n = num.value.count(first.answer.right.length);
  return names.length > 0 ? our.answer(names.join(", "), n) : our.answerNone(n);
}

/** All switches, each alone, as the build has tried them. */
export function AllSwitches(): JSX.Element | null {
  const { whatif: our } = say.value;
  const [first] = tried.value;
  if (!first) return null;
  const of = first.answer.recall?.of ?? 0;
  return (
    <Figure
      name="switches"
      label={our.all(num.value.count(of))}
      view={{ answer: tried.value, origin: "recorded" }}
      table={() => triedTable(tried.value, our.allColumns)}
      caption={our.allCaption(num.value.count(first.answer.read))}
    >
      <h3>{our.all(num.value.count(of))}</h3>
      <Bars
        isWordy
        label={our.all(num.value.count(of))}
        most={of}
        bars={tried.value.map(({ id, answer: { tokenAt, recall, logP, changedLogP } }) => ({
          name: our.switches[id]?.name ?? id,
          value: recall?.changed ?? 0,
          text: our.remembers(
            num.value.count(recall?.changed ?? 0),
            num.value.short(logP - changedLogP),
            tokenAt === undefined,
          ),
          tone: "on",
          isPressed: switches.value.includes(id),
          onPress: () => {
            switches.value = [id];
          },
        }))}
      />
    </Figure>
  );
}
