/**
 * What the reader has chosen: one signal for each choice. The address of the page holds all of them.
 * @module
 */
import { effect, type Signal, signal } from "@preact/signals";
import { type Language, type Place, readPlace, type SceneName, writePlace } from "./url.ts";

/** The colours: those of the system, or one of two. */
export type Theme = "system" | "light" | "dark";

/** The scene that is being read. */
export const scene = signal<SceneName>("remember");
/** The token that is looked at; undefined is the last one. */
export const chosenT: Signal<number | undefined> = signal(undefined);
/** The layer that is looked at; undefined leaves it to the page. */
export const chosenLayer: Signal<number | undefined> = signal(undefined);
/** The past position that is pointed at; undefined leaves it to the page. */
export const chosenRow: Signal<number | undefined> = signal(undefined);
/** The expert whose tokens are shown. */
export const chosenExpert: Signal<number | undefined> = signal(undefined);
/** The switches that are pressed. */
export const switches: Signal<readonly string[]> = signal([]);
/** The name of the example; undefined is the recorded one, unless there is a text of the reader's. */
export const example: Signal<string | undefined> = signal(undefined);
/** The reader's own text. */
export const ownText: Signal<string | undefined> = signal(undefined);
/** Temperature and top-p of scene 10. */
export const heat = signal(1);
export const topP = signal(1);
/** The token that the logit lens follows; undefined is the likeliest one. */
export const watched: Signal<number | undefined> = signal(undefined);
/** The end of the second text of scene 8; undefined is the one that the page makes up. */
export const forkEnd: Signal<string | undefined> = signal(undefined);
/** Whether scene 8 keeps only as many rows in memory as it must. */
export const isTight = signal(false);
/** The name of a trace file that the server of the page holds; undefined where it holds none. */
export const servedTrace: Signal<string | undefined> = signal(undefined);
/** Whether the guided path is shown. */
export const guided = signal(false);
export const language = signal<Language>("en");
export const theme = signal<Theme>("system");
/** Parts of the link that meant nothing. */
export const unreadParts: Signal<readonly string[]> = signal([]);

function take(place: Place): void {
  if (place.scene) scene.value = place.scene;
  chosenT.value = place.t;
  chosenLayer.value = place.layer;
  chosenRow.value = place.row;
  chosenExpert.value = place.expert;
  switches.value = place.what ?? [];
  example.value = place.example;
  ownText.value = place.text;
  servedTrace.value = place.trace;
  guided.value = place.guided ?? false;
  if (place.lang) language.value = place.lang;
}

function present(): Place {
  const place = {
    scene: scene.value,
    t: chosenT.value,
    layer: chosenLayer.value,
    row: chosenRow.value,
    expert: chosenExpert.value,
    what: switches.value,
    lang: language.value,
    example: example.value,
    text: ownText.value,
    trace: servedTrace.value,
    guided: guided.value || undefined,
  };
  return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));
}

/** Takes another text, and forgets what was chosen in the one before. */
export function chooseText(choice: { readonly example: string } | { readonly text: string }): void {
  example.value = "example" in choice ? choice.example : undefined;
  ownText.value = "text" in choice ? choice.text : undefined;
  chosenT.value = undefined;
  chosenRow.value = undefined;
  watched.value = undefined;
  forkEnd.value = undefined;
}

/** How long the page waits before it writes its address: browsers refuse many changes a second. */
const QUIET_MS = 250;

/** Reads the address, and from then on keeps it true. */
export function followAddress(): void {
  const read = (): void => {
    const { place, unread } = readPlace(location.hash);
    take(place);
    unreadParts.value = unread;
  };
  if (navigator.language.startsWith("zh")) language.value = "zh";
  read();
  addEventListener("hashchange", read);
  let timer = 0;
  effect(() => {
    const hash = writePlace(present());
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", hash || location.pathname), QUIET_MS);
  });
  effect(() => {
    const root = document.documentElement;
    root.lang = language.value === "zh" ? "zh-Hans" : "en";
    if (theme.value === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme.value);
  });
}
