/**
 * Moves to another scene, at once: nothing on this page moves by itself.
 * @module
 */
import { scene } from "../state.ts";
import type { SceneName } from "../url.ts";

/** Scrolls to a scene and puts the keyboard there. */
export function goTo(name: SceneName): void {
  scene.value = name;
  const element = document.getElementById(name);
  element?.scrollIntoView();
  element?.querySelector<HTMLElement>("h1, h2")?.focus({ preventScroll: true });
}
