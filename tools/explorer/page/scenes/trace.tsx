/**
 * Scene 12: the same figures for a trace file of any model.
 * @module
 */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { closeTrace, openTrace, sentenceOf, trace } from "../engine.ts";
import { servedTrace } from "../state.ts";
import { tableOf } from "../tables.ts";
import { Figure } from "../ui/figure.tsx";
import { goTo } from "../ui/go-to.ts";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";

export function TraceScene(): JSX.Element {
  const { trace: our } = say.value;
  const facts = trace.value;
  const failed = useSignal<string | undefined>(undefined);
  const isOver = useSignal(false);
  useSignalEffect(() => {
    if (servedTrace.value !== undefined && !trace.peek()) take(servedTrace.value);
  });
  const take = (file: File | string | undefined): void => {
    if (!file) return;
    failed.value = undefined;
    openTrace(file).catch((error: unknown) => {
      failed.value = sentenceOf(error);
    });
  };
  return (
    <Scene name="trace" lead={our.lead}>
      <pre class="source command">
        <code>npx glm52 trace --model DIR --tokens 57,15,52 --out trace.safetensors</code>
      </pre>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the field inside does the same by keys. */}
      <div
        class={isOver.value ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          isOver.value = true;
        }}
        onDragLeave={() => {
          isOver.value = false;
        }}
        onDrop={(event) => {
          event.preventDefault();
          isOver.value = false;
          take(event.dataTransfer?.files[0]);
        }}
      >
        <label for="trace-file">{our.drop}</label>
        <input
          id="trace-file"
          type="file"
          accept=".safetensors"
          onChange={(event) => take(event.currentTarget.files?.[0])}
        />
        <p class="quiet">{our.stays}</p>
      </div>
      {failed.value !== undefined && (
        <p class="note" role="alert">
          {failed.value}
        </p>
      )}
      {facts && (
        <Figure
          name="trace"
          label={our.figure(facts.name)}
          view={{ answer: facts, origin: "file" }}
          table={() =>
            tableOf(
              our.columns,
              facts.stages.map(({ name, stage, layer }) => [name, stage, layer]),
            )
          }
          caption={our.caption(
            num.value.count(facts.tokens),
            num.value.count(facts.layers.length),
            num.value.count(facts.stages.length),
          )}
        >
          <p>{our.opened(facts.name)}</p>
          {facts.lacks.length > 0 && <p class="note">{our.lacks(facts.lacks.join(", "))}</p>}
          <p class="controls">
            <button type="button" class="main" onClick={() => goTo("choose")}>
              {our.look}
            </button>
            <button type="button" onClick={closeTrace}>
              {our.close}
            </button>
          </p>
        </Figure>
      )}
    </Scene>
  );
}
