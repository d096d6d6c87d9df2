/**
 * Scene 11: mistakes that engines have made, put into the engine of this page.
 * @module
 */
import type { JSX } from "preact";
import type { SwitchFacts, SwitchGroup, TokenFacts, WhatIf } from "../../messages.ts";
import { indexTopk, layer, whatIf, whatIfExample } from "../data.ts";
import { isLive, opened } from "../engine.ts";
import { switches } from "../state.ts";
import { tableOf } from "../tables.ts";
import { Figure } from "../ui/figure.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { AllSwitches, silentSwitches } from "./all-switches.tsx";

/** The groups, in the order of the model. */
const GROUPS: readonly SwitchGroup[] = ["choose", "indexer", "sharing", "experts"];

/** How many switches count together. */
const MOST_PRESSED = 2;

export function WhatIfScene(): JSX.Element {
  const { whatif: our } = say.value;
  return (
    <Scene
      name="whatif"
      lead={our.lead}
      question={our.question}
      answer={silentSwitches()}
      sources={["engine/ops/reference/top-k.ts#topK"]}
      layer={layer.value}
      section="known-bugs"
    >
      <Switches />
      <Effect />
      <AllSwitches />
    </Scene>
  );
}

function Switches(): JSX.Element {
  const { whatif: our } = say.value;
  const all = opened.value?.switches ?? [];
  const pressed = switches.value;
  const unknown = all.length > 0 ? pressed.filter((id) => !all.some((each) => each.id === id)) : [];
  return (
    <>
      {unknown.length > 0 && <p class="note">{our.unknown(unknown.join(", "))}</p>}
      {GROUPS.map((group) => (
        <fieldset key={group}>
          <legend>{our.groups[group]}</legend>
          <div class="switches">
            {all
              .filter((each) => each.group === group)
              .map((each) => (
                <Switch key={each.id} facts={each} />
              ))}
          </div>
        </fieldset>
      ))}
      {pressed.length > 0 && (
        <button
          type="button"
          class="plain"
          onClick={() => {
            switches.value = [];
          }}
        >
          {our.none}
        </button>
      )}
    </>
  );
}

function Switch({ facts: { id, bug } }: { readonly facts: SwitchFacts }): JSX.Element {
  const { whatif: our } = say.value;
  const isPressed = switches.value.includes(id);
  return (
    <button
      type="button"
      aria-pressed={isPressed}
      onClick={() => {
        switches.value = isPressed
          ? switches.value.filter((each) => each !== id)
          : [...switches.value, id].slice(-MOST_PRESSED);
      }}
    >
      {our.switches[id]?.name ?? id}
      {bug && <small> {bug}</small>}
    </button>
  );
}

function Effect(): JSX.Element {
  const { whatif: our } = say.value;
  const all = opened.value?.switches ?? [];
  const pressed = all.filter(({ id }) => switches.value.includes(id));
  const { answer, waits, progress } = whatIf.value;
  if (pressed.length === 0) return <p class="quiet">{our.pressFirst}</p>;
  return (
    <>
      {pressed.map(({ id, bug, begins }) => (
        <p key={id}>
          <strong>{our.named(our.switches[id]?.name ?? id)}</strong> {our.switches[id]?.what}{" "}
          {our.begins(begins)} {bug && <a href="model.html#known-bugs">{our.seen(bug)}</a>}
        </p>
      ))}
      <Figure
        name="whatif"
        label={our.figure}
        view={
          waits && !answer && isLive.value
            ? {
                failed: our.computing(
                  progress ? num.value.percent(progress.done / progress.total) : "",
                ),
              }
            : whatIf.value
        }
        table={answer && (() => resultTable(answer))}
        caption={
          answer &&
          our.caption(
            num.value.count(answer.read),
            say.value.exampleNames[whatIfExample.value?.id ?? ""],
          )
        }
      >
        {waits && isLive.value && (
          <p class="quiet">
            {our.computing(progress ? num.value.percent(progress.done / progress.total) : "")}
          </p>
        )}
        {answer && <Result answer={answer} />}
      </Figure>
    </>
  );
}

function resultTable({
  stage,
  stageAt,
  tokenAt,
  meanLogP,
  logP,
  changedLogP,
  recall,
}: WhatIf): ReturnType<typeof tableOf> {
  const { whatif: our } = say.value;
  return tableOf(our.columns, [
    [our.rows.stage, stage ?? our.rows.none],
    [our.rows.stageAt, stageAt],
    [our.rows.tokenAt, tokenAt ?? our.rows.none],
    [our.rows.logP, logP],
    [our.rows.changedLogP, changedLogP],
    [our.rows.meanLogP, meanLogP],
    ...(recall
      ? [
          [our.rows.recall, recall.right],
          [our.rows.changedRecall, recall.changed],
        ]
      : []),
  ]);
}

function Result({ answer }: { readonly answer: WhatIf }): JSX.Element {
  const { whatif: our } = say.value;
  const { stage, stageAt, why, right, changed, tokenAt, meanLogP, logP, changedLogP, recall } =
    answer;
  return (
    <>
      <dl class="facts">
        <dt>{our.firstStage}</dt>
        <dd>
          {stage === undefined ? (
            why === "short" ? (
              our.short(num.value.count(indexTopk.value))
            ) : (
              our.noStage
            )
          ) : (
            <>
              <code>{stage}</code>{" "}
              {stageAt !== undefined && our.atPosition(num.value.count(stageAt))}
            </>
          )}
        </dd>
        <dt>{our.firstToken}</dt>
        <dd>
          {tokenAt === undefined
            ? our.sameText(num.value.count(right.length))
            : our.tokenAt(num.value.rank(tokenAt + 1))}
        </dd>
        <dt>{our.loss}</dt>
        <dd>{our.lossOf(num.value.short(-changedLogP), num.value.short(-logP))}</dd>
        <dt>{our.distance}</dt>
        <dd>{our.nats(num.value.short(meanLogP))}</dd>
        {recall && (
          <>
            <dt>{our.recall}</dt>
            <dd>
              {our.recallOf(
                num.value.count(recall.right),
                num.value.count(recall.changed),
                num.value.count(recall.of),
              )}
            </dd>
          </>
        )}
      </dl>
      <div class="two">
        <Written name={our.right} tokens={right} from={tokenAt} tone="chosen" />
        <Written name={our.changed} tokens={changed} from={tokenAt} tone="lost" />
      </div>
    </>
  );
}

interface WrittenProps {
  readonly name: string;
  readonly tokens: readonly TokenFacts[];
  /** Index of the first token that differs. */
  readonly from: number | undefined;
  readonly tone: "chosen" | "lost";
}

function Written({ name, tokens, from, tone }: WrittenProps): JSX.Element {
  return (
    <div>
      <h3>{name}</h3>
      <p class="text">
        …
        {tokens.map(({ text }, i) => (
          <span key={i} class={from !== undefined && i === from ? `k ${tone}` : "k"}>
            {text}
          </span>
        ))}
      </p>
    </div>
  );
}
