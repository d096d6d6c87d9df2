/**
 * What the engine is doing, in one line of the bar on top.
 * @module
 */
import type { JSX } from "preact";
import type { Progress } from "../../messages.ts";
import { engine, isRecordedText, readAgain, startEngine, stopReading, trace } from "../engine.ts";
import { num, say } from "./say.ts";

export function EngineLine(): JSX.Element {
  const { engineLine: our } = say.value;
  const { value } = engine;
  if (trace.value) return <span class="badge file">{say.value.fromFile(trace.value.name)}</span>;
  if (value.kind === "absent") {
    return (
      <>
        {isRecordedText.value && <span class="badge recorded">{say.value.recorded}</span>}
        <button type="button" class="main" onClick={() => void startEngine()}>
          {our.run}
        </button>
      </>
    );
  }
  if (value.kind === "failed") {
    return (
      <>
        <span class="engine-failed" role="alert">
          {value.sentence}
        </span>
        <button type="button" onClick={() => void startEngine()}>
          {our.again}
        </button>
      </>
    );
  }
  if (value.kind === "stopped") {
    return (
      <button type="button" onClick={readAgain}>
        {our.readAgain}
      </button>
    );
  }
  if (value.kind === "live") {
    const time = num.value.short(value.milliseconds / 1000);
    return (
      <span class="badge live" title={say.value.originHelp.live}>
        {value.ran > 0 ? our.live(num.value.count(value.ran), time) : say.value.live}
      </span>
    );
  }
  return <Doing kind={value.kind} progress={value.progress} />;
}

interface DoingProps {
  readonly kind: "opening" | "reading";
  readonly progress: Progress | undefined;
}

function Doing({ kind, progress }: DoingProps): JSX.Element {
  const { engineLine: our } = say.value;
  const amount = (n: number): string =>
    progress?.unit === "bytes" ? num.value.bytes(n) : num.value.count(n);
  const text =
    progress && progress.total > 0 ? our.of(amount(progress.done), amount(progress.total)) : "";
  return (
    <span class="doing">
      <span>
        {our[kind]} {text}
      </span>
      <progress
        aria-label={our[kind]}
        max={progress?.total || 1}
        {...(progress ? { value: progress.done } : {})}
      />
      {kind === "reading" && (
        <button type="button" class="plain" onClick={stopReading}>
          {our.stop}
        </button>
      )}
    </span>
  );
}
