/**
 * Scene 8: the pages that hold the rows, a second text that shares them, and rows outside the memory.
 * @module
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { PageFacts } from "../../messages.ts";
import { pages, shownEnd } from "../data.ts";
import { isLive } from "../engine.ts";
import { pagesTable } from "../figures.ts";
import { forkEnd, isTight } from "../state.ts";
import { Figure } from "../ui/figure.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";

export function PagesScene(): JSX.Element {
  const { pages: our } = say.value;
  const { answer } = pages.value;
  const shared = answer?.text.filter(({ count }) => count > 1).length ?? 0;
  return (
    <Scene
      name="pages"
      lead={our.lead(answer && num.value.count(answer.pageRows))}
      question={our.question}
      answer={
        answer &&
        our.answer(
          num.value.count(answer.forkRan),
          num.value.count(shared),
          num.value.bytes(shared * answer.bytesPerPage),
        )
      }
      sources={["engine/kv/page-table.ts#PageTable.reserve"]}
      section="82-bytes-of-context"
    >
      <Figure
        name="pages"
        label={our.figure}
        view={pages.value}
        table={answer && (() => pagesTable(answer, our.columns))}
        caption={
          answer &&
          our.caption(
            num.value.count(answer.text.length + (answer.fork?.length ?? 0)),
            num.value.bytes(answer.liveBytes),
          )
        }
      >
        {answer && (
          <>
            <PageRow name={our.text} pages={answer.text} />
            {answer.fork && <PageRow name={our.fork} pages={answer.fork} />}
            <ul class="legend">
              <li>
                <span class="page-box shared" /> {our.shared}
              </li>
              <li>
                <span class="page-box" /> {our.own}
              </li>
              {answer.tier && (
                <li>
                  <span class="page-box cold" /> {our.cold}
                </li>
              )}
            </ul>
            {answer.differsAt !== undefined && (
              <p>
                {our.differs(num.value.count(answer.differsAt), num.value.count(answer.forkRan))}
              </p>
            )}
            {answer.tier && (
              <p>
                {our.tier(
                  num.value.count(answer.tier.hits),
                  num.value.count(answer.tier.misses),
                  num.value.bytes(answer.tier.bytesRead),
                )}
              </p>
            )}
          </>
        )}
      </Figure>
      <Edit />
    </Scene>
  );
}

function PageRow({
  name,
  pages: list,
}: {
  readonly name: string;
  readonly pages: readonly PageFacts[];
}): JSX.Element {
  const { pages: our } = say.value;
  return (
    <>
      <h3>{name}</h3>
      <ol class="page-row" aria-label={name}>
        {list.map(({ page, from, to, count, isCold }, i) => (
          <li key={i}>
            <span
              class={`page-box${count > 1 ? " shared" : ""}${isCold ? " cold" : ""}`}
              title={our.page(page, num.value.count(from), num.value.count(to - 1))}
            />
          </li>
        ))}
      </ol>
    </>
  );
}

/** Changes the end of the second text, and how much memory there is. */
function Edit(): JSX.Element {
  const { pages: our } = say.value;
  const typed = useSignal<string | undefined>(undefined);
  const submit = (event: Event): void => {
    event.preventDefault();
    forkEnd.value = typed.value;
  };
  return (
    <form onSubmit={submit}>
      <label for="fork">{our.edit}</label>
      <textarea
        id="fork"
        spellcheck={false}
        disabled={!isLive.value}
        value={typed.value ?? shownEnd.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
      />
      <div class="controls">
        <button type="submit" disabled={!isLive.value}>
          {our.run}
        </button>
        <button
          type="button"
          aria-pressed={isTight.value}
          disabled={!isLive.value}
          onClick={() => {
            isTight.value = !isTight.value;
          }}
        >
          {our.tight}
        </button>
        {!isLive.value && <span class="quiet">{our.onlyLive}</span>}
      </div>
    </form>
  );
}
