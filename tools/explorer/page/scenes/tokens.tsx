/**
 * Scene 1: how a text becomes tokens, with the reader's own text.
 * @module
 */
import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { sizes, textOrigin } from "../data.ts";
import { closeTrace, engine, startEngine, trace, words } from "../engine.ts";
import { tokenTable } from "../figures.ts";
import { chooseText, ownText } from "../state.ts";
import { Figure } from "../ui/figure.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { visibleAlone } from "../ui/text.tsx";

/** Tokens that are drawn at first. */
const SHOWN = 120;

/** The longest text that the page takes, in characters. A longer one is refused with a sentence. */
export const MOST_CHARACTERS = 40_000;

export function Tokens(): JSX.Element {
  const { tokens: our } = say.value;
  const list = words.value;
  const nBytes = list.reduce((sum, { bytes, text }) => sum + (bytes?.length ?? text.length), 0);
  const split = list.filter(({ text, isControl }) => text === "" && !isControl).length;
  return (
    <Scene
      name="tokens"
      lead={our.lead(sizes.value && num.value.count(sizes.value.vocab))}
      question={our.question}
      answer={our.answer(num.value.count(list.length), num.value.short(nBytes / list.length))}
      sources={["tokenizer/piece-encoder.ts#PieceEncoder"]}
    >
      <OwnText />
      <Figure
        name="tokens"
        label={our.figure}
        view={{ answer: list, origin: textOrigin.value }}
        table={() => tokenTable(list, our.columns)}
        caption={our.caption(
          num.value.count(list.length),
          num.value.count(nBytes),
          num.value.count(split),
        )}
      >
        <ol class="chips" aria-label={our.figure}>
          {list.slice(0, SHOWN).map(({ id, text, isControl, piece }, i) => (
            <li key={i} class={isControl ? "control" : (piece ?? 0) % 2 ? "odd" : undefined}>
              <span class="chip-text">{visibleAlone(text)}</span>
              <span class="chip-id">{id}</span>
            </li>
          ))}
        </ol>
        {list.length > SHOWN && (
          <p class="quiet">{our.more(num.value.count(list.length - SHOWN))}</p>
        )}
      </Figure>
    </Scene>
  );
}

/** The field for a text of one's own. Nothing of it leaves the page. */
export function OwnText(): JSX.Element {
  const { tokens: our } = say.value;
  const typed = useSignal(ownText.value ?? "");
  const refusal = useComputed(() => refuse(typed.value));
  const isNotEnglish = useComputed(() => /[^\p{Script=Latin}\p{Script=Common}]/u.test(typed.value));
  const submit = (event: Event): void => {
    event.preventDefault();
    if (refusal.value !== undefined || typed.value === "") return;
    if (trace.value) closeTrace();
    chooseText({ text: typed.value });
    void startEngine();
  };
  return (
    <form onSubmit={submit}>
      <label for="own-text">{our.own}</label>
      <textarea
        id="own-text"
        spellcheck={false}
        placeholder={our.placeholder}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
      />
      {refusal.value !== undefined && <p class="note">{refusal.value}</p>}
      {isNotEnglish.value && <p class="quiet">{our.onlyEnglish}</p>}
      <p class="controls">
        <button
          type="submit"
          class="main"
          disabled={typed.value === "" || refusal.value !== undefined}
        >
          {engine.value.kind === "live" ? our.read : our.start}
        </button>
        <span class="quiet">{our.stays}</span>
      </p>
    </form>
  );

  function refuse(text: string): string | undefined {
    if (text.length <= MOST_CHARACTERS) return undefined;
    return our.tooLong(num.value.count(text.length), num.value.count(MOST_CHARACTERS));
  }
}
