/**
 * The frame of the page: the bar on top, the list of scenes, what the engine is doing, and the guided
 * path.
 * @module
 */

import { recorded } from "virtual:recorded";
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { closeTrace, opened, startEngine, trace, wantsOther } from "../engine.ts";
import {
  chooseText,
  example,
  guided,
  language,
  ownText,
  scene,
  theme,
  unreadParts,
} from "../state.ts";
import { PATH, SCENES } from "../url.ts";
import { EngineLine } from "./engine-line.tsx";
import { goTo } from "./go-to.ts";
import { Help } from "./help.tsx";
import { say } from "./say.ts";

export function PageFrame({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <>
      <button type="button" class="skip" onClick={() => goTo("choose")}>
        {say.value.skip}
      </button>
      <Top />
      <div class="page">
        <Rail />
        <main>
          {unreadParts.value.length > 0 && (
            <p class="note">{say.value.unread(unreadParts.value.join(", "))}</p>
          )}
          {wantsOther.value && <p class="note">{say.value.wantsOther}</p>}
          {children}
          <footer>
            <p>{say.value.footer}</p>
            <p>
              <a href="source.html">{say.value.annotated}</a>
            </p>
          </footer>
        </main>
      </div>
      {guided.value && <Guide />}
    </>
  );
}

/** A sign for each choice of colours. */
const SIGNS = { system: "◐", light: "○", dark: "●" } as const;

function Top(): JSX.Element {
  const isHelp = useSignal(false);
  const next = { system: "light", light: "dark", dark: "system" } as const;
  return (
    <header class="top">
      <button type="button" class="brand" onClick={() => goTo("remember")}>
        {say.value.title}
      </button>
      <EngineLine />
      <ExampleMenu />
      <button
        type="button"
        lang={language.value === "en" ? "zh-Hans" : "en"}
        onClick={() => {
          language.value = language.value === "en" ? "zh" : "en";
        }}
      >
        {language.value === "en" ? "中文" : "EN"}
      </button>
      <button
        type="button"
        aria-label={say.value.themes[theme.value]}
        onClick={() => {
          theme.value = next[theme.value];
        }}
      >
        {SIGNS[theme.value]} <span class="long">{say.value.themes[theme.value]}</span>
      </button>
      <button
        type="button"
        aria-label={say.value.help}
        onClick={() => {
          isHelp.value = true;
        }}
      >
        ?
      </button>
      <Help isOpen={isHelp} />
    </header>
  );
}

function ExampleMenu(): JSX.Element {
  const examples = opened.value?.examples ?? [{ id: recorded.example, text: "" }];
  const own = trace.value ? "file" : ownText.value !== undefined ? "own" : "";
  return (
    <select
      aria-label={say.value.examples}
      value={own || (example.value ?? recorded.example)}
      onChange={(event) => {
        const id = event.currentTarget.value;
        if (trace.value) closeTrace();
        if (id === "own" || id === "file") return;
        chooseText({ example: id });
        void startEngine();
      }}
    >
      {examples.map(({ id }) => (
        <option key={id} value={id}>
          {say.value.exampleNames[id] ?? id}
        </option>
      ))}
      {own === "own" && <option value="own">{say.value.ownText}</option>}
      {own === "file" && (
        <option value="file">{say.value.fromFile(trace.value?.name ?? "")}</option>
      )}
    </select>
  );
}

function Rail(): JSX.Element {
  return (
    <nav class="rail" aria-label={say.value.scenes}>
      <ol>
        {SCENES.map((name, i) => (
          <li key={name}>
            <a
              href={`#s=${name}`}
              aria-current={scene.value === name ? "location" : undefined}
              onClick={(event) => {
                event.preventDefault();
                goTo(name);
              }}
            >
              <span>{i}</span>
              <span>{say.value.names[name]}</span>
            </a>
          </li>
        ))}
      </ol>
      <button
        type="button"
        class="plain"
        aria-pressed={guided.value}
        onClick={() => {
          guided.value = !guided.value;
        }}
      >
        {say.value.guide.start}
      </button>
    </nav>
  );
}

/** The guided path: it only scrolls. */
function Guide(): JSX.Element {
  const { guide: our } = say.value;
  const at = PATH.indexOf(scene.value);
  const next = PATH.find((name) => SCENES.indexOf(name) > SCENES.indexOf(scene.value));
  return (
    <section class="guide" aria-label={our.label}>
      <span>{at >= 0 ? our.step(at + 1, PATH.length) : our.label}</span>
      {next ? (
        <button type="button" class="main" onClick={() => goTo(next)}>
          {our.next(say.value.names[next])}
        </button>
      ) : (
        <span>{our.end}</span>
      )}
      <button
        type="button"
        aria-label={our.close}
        onClick={() => {
          guided.value = false;
        }}
      >
        ×
      </button>
    </section>
  );
}
