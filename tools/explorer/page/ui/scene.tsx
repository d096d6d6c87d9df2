/**
 * The frame of a scene: heading, two sentences, the figure, a question with its answer folded, and
 * beside them the formula and the lines of source.
 * @module
 */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useRef } from "preact/hooks";
import { near } from "../data.ts";
import { scene } from "../state.ts";
import { SCENES, type SceneName } from "../url.ts";
import type { FormulaName, SourceName } from "../wanted.ts";
import { FormulaBox, SourceBox } from "./aside.tsx";
import { say } from "./say.ts";
import { whyNone } from "./why-none.ts";

/** What a scene shows. */
export interface SceneProps {
  readonly name: SceneName;
  readonly lead: ComponentChildren;
  readonly question?: string | undefined;
  /** Computed by the page from the same numbers as the figure; undefined while there are none. */
  readonly answer?: ComponentChildren;
  readonly formula?: FormulaName;
  readonly sources?: readonly SourceName[];
  /** The layer whose values stand in the margin of the source. */
  readonly layer?: number;
  /** The heading of the section of MODEL.md, as its anchor. */
  readonly section?: string;
  readonly children: ComponentChildren;
}

export function Scene(props: SceneProps): JSX.Element {
  const { name, lead, question, answer, formula, sources = [], section } = props;
  const element = useRef<HTMLElement>(null);
  useWatch(element, name);
  const hasAside = formula !== undefined || sources.length > 0;
  return (
    <section class="scene" id={name} ref={element} aria-labelledby={`${name}-heading`}>
      <p class="scene-number">
        {SCENES.indexOf(name)} · {say.value.names[name]}
      </p>
      <h2 id={`${name}-heading`} tabIndex={-1}>
        {say.value.headings[name]}
      </h2>
      <p class="lead">{lead}</p>
      <div class={hasAside ? "scene-body with-aside" : "scene-body"}>
        <div>
          {props.children}
          {question !== undefined && (
            <details class="question">
              <summary>{question}</summary>
              <p>{answer ?? whyNone()}</p>
            </details>
          )}
        </div>
        {hasAside && (
          <aside class="aside" aria-label={say.value.asideOf(say.value.names[name])}>
            {formula && <FormulaBox name={formula} />}
            {sources.map((source) => (
              <SourceBox key={source} name={source} layer={props.layer} />
            ))}
            {section && (
              <p>
                <a href={`model.html#${section}`}>{say.value.inModel}</a>
              </p>
            )}
          </aside>
        )}
      </div>
    </section>
  );
}

/** Tells the page which scenes are near, and which one is being read. */
function useWatch(element: { readonly current: HTMLElement | null }, name: SceneName): void {
  const started = useSignal(false);
  useSignalEffect(() => {
    if (started.peek() || !element.current) return;
    started.value = true;
    const asNear = new IntersectionObserver(
      ([entry]) => {
        const now = new Set(near.peek());
        if (entry.isIntersecting) now.add(name);
        else now.delete(name);
        near.value = now;
      },
      { rootMargin: "600px 0px" },
    );
    const asRead = new IntersectionObserver(
      ([entry]) => {
        if (entry.isIntersecting) scene.value = name;
      },
      { rootMargin: "-40% 0px -55% 0px" },
    );
    asNear.observe(element.current);
    asRead.observe(element.current);
  });
}
