/**
 * A tap of somebody else: the root mean square of the residual stream after each layer.
 * @module
 */
import { newTap, Session, type Tap, type Taps } from "glm52.ts";
import { open } from "glm52.ts/node";

await using glm = await open();
const seen: [layer: number, rms: number][] = [];

const layer = (index: number): Tap =>
  newTap(
    (_stage, { data }) => {
      let sum = 0;
      for (const value of data) sum += value * value;
      seen.push([index, Math.sqrt(sum / data.length)]);
    },
    (stage) => stage === "l_out",
  );
const nothing = newTap(
  () => {},
  () => false,
);
const taps: Taps = { model: nothing, layer };

const session = new Session(glm.model, { taps });
session.appendAll(glm.promptIds("Once upon a time"));
session.close();
process.stdout.write(JSON.stringify(seen));
