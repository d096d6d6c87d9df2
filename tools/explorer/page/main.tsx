/**
 * The page: a bar on top, the list of scenes at the side, and the scenes, one under another.
 * @module
 */
import { type JSX, render } from "preact";
import { fetchModelSize, fetchRecorded } from "./engine.ts";
import { Choose } from "./scenes/choose.tsx";
import { DenseScene } from "./scenes/dense.tsx";
import { ExpertsScene } from "./scenes/experts.tsx";
import { Guesses } from "./scenes/guesses.tsx";
import { Latent } from "./scenes/latent.tsx";
import { Layers } from "./scenes/layers.tsx";
import { Next } from "./scenes/next.tsx";
import { PagesScene } from "./scenes/pages.tsx";
import { Remember } from "./scenes/remember.tsx";
import { Share } from "./scenes/share.tsx";
import { Tokens } from "./scenes/tokens.tsx";
import { TraceScene } from "./scenes/trace.tsx";
import { WhatIfScene } from "./scenes/what-if.tsx";
import { followAddress, scene } from "./state.ts";
import { PageFrame } from "./ui/frame.tsx";
import "./style.css";

function Explorer(): JSX.Element {
  return (
    <PageFrame>
      <Remember />
      <Tokens />
      <Layers />
      <Choose />
      <DenseScene />
      <Share />
      <Latent />
      <ExpertsScene />
      <PagesScene />
      <Guesses />
      <Next />
      <WhatIfScene />
      <TraceScene />
    </PageFrame>
  );
}

followAddress();
const first = scene.value;
const root = document.getElementById("explorer");
if (root) {
  root.replaceChildren();
  render(<Explorer />, root);
}
/** Goes to the scene that the link names. */
const goToFirst = (): void => {
  if (first !== "remember") document.getElementById(first)?.scrollIntoView();
};
goToFirst();
void fetchModelSize();
// The figures above it get their heights when the answers have come.
void fetchRecorded().then(() => requestAnimationFrame(goToFirst));
