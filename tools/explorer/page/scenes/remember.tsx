/**
 * Scene 0: the story of the page in one figure, from numbers that the build recorded, so that it
 * stands there before anything else has been fetched.
 * @module
 */

import { recorded } from "virtual:recorded";
import type { JSX } from "preact";
import type { RecordedLayer } from "../../messages.ts";
import { engine, isRecordedText, modelBytes, startEngine } from "../engine.ts";
import { storyTable } from "../figures.ts";
import { guided } from "../state.ts";
import { Figure } from "../ui/figure.tsx";
import { goTo } from "../ui/go-to.ts";
import { num, say } from "../ui/say.ts";
import { Strip } from "../ui/strip.tsx";
import { visible, Word } from "../ui/text.tsx";
import { PATH } from "../url.ts";
import type { Words } from "../words/en.ts";

/** Tokens around the fact and before the question that are shown. */
const AROUND = 14;

export function Remember(): JSX.Element {
  const { remember: our } = say.value;
  const { finds, reads, t, fact, word } = recorded;
  const isTrue = recorded.layers[finds].isChosen && recorded.layers[reads].lensRank === 1;
  return (
    <section class="scene hero" id="remember" aria-labelledby="remember-heading">
      <p class="scene-number">{our.kicker}</p>
      <h1 id="remember-heading" tabIndex={-1}>
        {isTrue ? our.heading(finds, reads) : our.plainHeading}
      </h1>
      <p class="lead">
        {our.lead(num.value.count(recorded.ids.length), word.trim(), num.value.count(t - fact))}
      </p>
      <Figure
        name="remember"
        label={our.figure}
        view={{ answer: recorded, origin: "recorded" }}
        table={() => storyTable(recorded, our.columns)}
        caption={captionOf(our)}
      >
        <Findings />
        <div class="two">
          <Ranks
            title={our.finding(num.value.count(recorded.ids.length))}
            most={recorded.ids.length}
            layers={recorded.layers}
            rank={({ rank, type }) => ({ rank, isOwn: type === "full" })}
            best={finds}
          />
          <Ranks
            title={our.reading(word.trim())}
            most={Math.max(...recorded.layers.map(({ lensRank }) => lensRank))}
            layers={recorded.layers}
            rank={({ lensRank }) => ({ rank: lensRank, isOwn: true })}
            best={reads}
          />
        </div>
      </Figure>
      <p>{our.why}</p>
      <Start />
    </section>
  );
}

/** What the two layers do, as it was recorded. */
function captionOf(our: Words["remember"]): string {
  const { finds, reads, layers, ids } = recorded;
  const [found, read] = [layers[finds], layers[reads]];
  const of = num.value.count(ids.length);
  return [
    our.findsIt(finds, num.value.rank(found.rank), of, found.isChosen),
    read.type === "shared" ? our.borrowing(reads, read.lender) : "",
    our.readsIt(reads, num.value.rank(read.lensRank), num.value.percent(read.lensP)),
  ].join("");
}

/** The whole text as a strip of scores, with a line from the question to the fact. */
function Findings(): JSX.Element {
  const { remember: our } = say.value;
  const { texts, t, fact, word, scores, chosen, layers, finds, top } = recorded;
  const at = (100 * (fact + 0.5)) / texts.length;
  const found = layers[finds];
  const piece = (from: number, to: number): string => visible(texts.slice(from, to).join(""));
  return (
    <>
      <div class="snippets">
        <p>
          {piece(Math.max(0, fact - AROUND), fact)}
          <span class="text">
            <Word text={word} state="row" />
          </span>
          {piece(fact + 1, fact + 5)}…
        </p>
        <p>
          …{piece(t - AROUND - 1, t)}
          <span class="text">
            <Word text={texts[t]} state="query" />
          </span>{" "}
          <strong>
            → {top[0].text.trim()} {num.value.percent(top[0].p)}
          </strong>
        </p>
      </div>
      <div class="arc-box">
        <svg class="arc" viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">
          <path d={`M99.8 40C99.8 2 ${at} 2 ${at} 40`} />
        </svg>
        <span class="tag">
          {our.found(finds, num.value.rank(found.rank), num.value.count(texts.length))}
        </span>
      </div>
      <Strip
        label={our.strip(finds)}
        values={scores}
        marked={chosen}
        threshold={found.threshold}
        row={fact}
        valueText={our.found(finds, num.value.rank(found.rank), num.value.count(texts.length))}
      />
      <div class="ends">
        <span>{say.value.position(num.value.count(0))}</span>
        <span>{our.bars(num.value.count(chosen.length))}</span>
        <span>{num.value.count(t)}</span>
      </div>
    </>
  );
}

interface RanksProps {
  readonly title: string;
  /** The lowest rank, at the bottom. */
  readonly most: number;
  readonly layers: readonly RecordedLayer[];
  readonly rank: (layer: RecordedLayer) => { readonly rank: number; readonly isOwn: boolean };
  readonly best: number;
}

/** A rank for each layer, the first one on top. The scale is logarithmic. */
function Ranks({ title, most, layers, rank, best }: RanksProps): JSX.Element {
  const columns = { "--columns": String(layers.length) };
  return (
    <div>
      <h2 class="as-h3">{title}</h2>
      <div class="ranks" style={columns}>
        {layers.map((each) => {
          const { rank: value, isOwn } = rank(each);
          const top = 8 + (74 * Math.log(value)) / Math.log(most);
          const tone = each.layer === best ? "on" : isOwn ? "" : "borrowed";
          return (
            <span key={each.layer}>
              <i class={tone} style={{ top: `${top}%` }} />
              <b class={`${each.layer === best ? "on" : ""}`} style={{ top: `${top}%` }}>
                {isOwn ? num.value.count(value) : ""}
              </b>
            </span>
          );
        })}
      </div>
      <ul class="columns" style={columns}>
        {layers.map(({ layer, type, lender }) => (
          <li key={layer}>
            <strong>{layer}</strong>
            {type === "full" ? say.value.full : say.value.borrows(lender)}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The press that makes the numbers live. */
function Start(): JSX.Element {
  const { remember: our } = say.value;
  const bytes = modelBytes.value === undefined ? undefined : num.value.bytes(modelBytes.value);
  const isAbsent = engine.value.kind === "absent" || engine.value.kind === "failed";
  return (
    <div class="controls">
      {isAbsent && (
        <button type="button" class="main" onClick={() => void startEngine()}>
          {our.run(bytes)}
        </button>
      )}
      {engine.value.kind === "live" && isRecordedText.value && <span>{our.again}</span>}
      <button
        type="button"
        onClick={() => {
          guided.value = true;
          goTo(PATH[1]);
        }}
      >
        {our.path}
      </button>
    </div>
  );
}
