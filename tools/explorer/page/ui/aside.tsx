/**
 * What stands beside a figure: its formula, and the lines of source that computed it, with values of
 * the token in the margin.
 * @module
 */

import { formulas } from "virtual:formulas";
import { sources } from "virtual:sources";
import type { JSX } from "preact";
import type { SourceLine, StageGlance } from "../../messages.ts";
import { look } from "../data.ts";
import type { FormulaName, SourceName } from "../wanted.ts";
import { num, say } from "./say.ts";
import { Scroll } from "./scroll.tsx";

/** A formula. The build has made MathML of it, so the markup is our own. */
export function FormulaBox({ name }: { readonly name: FormulaName }): JSX.Element {
  return (
    <>
      <h3>{say.value.formula}</h3>
      <Scroll class="formula" label={say.value.formula}>
        <div dangerouslySetInnerHTML={{ __html: formulas[name] }} />
      </Scroll>
    </>
  );
}

/** The place of a file in the annotated source, if it is there. */
function placeOf(file: string): string | undefined {
  if (!/^engine\/(model|ops\/reference)\//.test(file)) return undefined;
  return `source.html#${file.replace("engine/", "").replaceAll(/[^a-z0-9]+/g, "-")}`;
}

/** Lines of source, with the values of a layer in the margin. */
export interface SourceProps {
  readonly name: SourceName;
  readonly layer?: number | undefined;
}

export function SourceBox({ name, layer }: SourceProps): JSX.Element {
  const cut = sources[name];
  const place = placeOf(cut.file);
  const { stages = [] } = look.value.answer ?? {};
  const glance = ({ stage }: SourceLine): StageGlance | undefined =>
    stages.find((each) => each.name === `${stage}-${layer}` || each.name === stage);
  return (
    <>
      <h3>
        {place ? <a href={place}>{cut.file}</a> : cut.file} ·{" "}
        {say.value.lines(cut.line, cut.line + cut.lines.length - 1)}
      </h3>
      <Scroll class="source" label={say.value.sourceOf(cut.file)}>
        <table>
          <tbody>
            {cut.lines.map((line, i) => {
              const value = line.stage === undefined ? undefined : glance(line);
              return (
                <>
                  <tr class={value ? "lit" : undefined}>
                    <td class="no">{cut.line + i}</td>
                    <td>
                      {line.parts.map(([kind, text]) => (
                        <span class={kind || undefined}>{text}</span>
                      ))}
                    </td>
                  </tr>
                  {value && <ValueRow glance={value} layer={layer} />}
                </>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

/** The shape and the first numbers of a stage, under its line. */
function ValueRow({
  glance,
  layer,
}: {
  readonly glance: StageGlance;
  readonly layer: number | undefined;
}): JSX.Element {
  const first = glance.first.slice(0, 4).map(num.value.short).join("  ");
  const where =
    layer !== undefined && glance.name.includes("-") ? `${say.value.layer(layer)} ` : "";
  return (
    <tr class="lit">
      <td class="no" />
      <td class="value">
        {where}[{glance.shape.join(" × ")}] {first}
        {glance.first.length > 4 ? " …" : ""}
      </td>
    </tr>
  );
}
