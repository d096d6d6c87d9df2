/**
 * The words of which dialogues with tools are made. A part of each list is held out: training never
 * uses it, and the evaluation uses nothing else.
 *
 * Next: draw.ts
 * @module
 */

/** A list whose last words are held out. */
export interface Words {
  readonly trained: readonly string[];
  readonly heldOut: readonly string[];
}

const words = (trained: string, heldOut: string): Words => ({
  trained: trained.split(" "),
  heldOut: heldOut.split(" "),
});

/** Things that one can see or hold. */
export const THINGS = words(
  "apple ball bag balloon bear bed bee bell bike bird boat book bottle bowl box bread bus butterfly button cake candle car castle cat chair clock cloud coat cookie cow crab cup dog doll door dragon dress drum duck egg feather fish flag flower fork fox frog garden gate goat guitar hammer hat horse house jar jacket kettle key kite ladder lake lamp leaf lemon lion map mirror monkey moon mouse nest nut orange owl paper pear pen pig pillow plane plate puppy puzzle rabbit radio ring river robot rock rope rose scarf sheep shell shirt shoe snake snow sock spoon star stick stone sun swing table teddy toy train tree truck turtle window basket carrot blanket bucket",
  "whale wagon bridge penguin tent crown pumpkin cherry hen rocket sandwich sled statue towel trumpet umbrella vase violin wheel tulip magnet lantern compass",
);

/** Words that describe a thing. */
export const QUALITIES = words(
  "big small red blue green yellow old new soft hard round long short tall tiny fast slow warm cold happy sad shiny dark light clean wet dry loud brave kind pink heavy quiet sweet strong bright",
  "purple golden striped muddy square crisp",
);

/** First names. */
export const PEOPLE = words(
  "Lily Tom Mia Ben Sue Sam Max Anna Jack Lucy Amy Bob Tim Sara Mary Joe Kate Jane Fred Emma Billy Jill Mark Nick Ella Bella Sally Molly Daisy",
  "Peter Leo Rose Jimmy Jenny Nina Oscar Hugo",
);

/** Places. */
export const PLACES = words(
  "park garden kitchen forest school shop house room town farm beach river lake barn yard box bag castle cave field tower",
  "attic hall tunnel cabin",
);

/** What invented tools do. */
export const DEEDS = words(
  "paint wash clean open close find hide move lift cook bake sell buy count draw sing fix break build cut fold fill empty push pull send bring carry catch drop feed follow guess hug kick measure mix play read roll save shake show shut sort spin start stop taste throw touch turn wake wrap write water warm weigh check copy plant",
  "polish deliver stretch borrow repair paste melt tickle sweep trade print boil",
);

/** How a deed can be done: the names of switches. */
export const MANNERS = words("softly quickly twice slowly again today", "loudly carefully now");

/** Names of parameters, by what they hold. */
export const KEYS = {
  thing: words("thing what item object target it text word", "subject stuff piece"),
  person: words("who person friend for owner", "whom receiver"),
  number: words("count n number many times", "amount how_many"),
  place: words("place where room", "location"),
  list: words("things items list words all", "group set"),
  record: words("note entry order data", "info job"),
} as const;

const STARTS = "b bl br d dr f fl g gl gr h k kl l m n p pl pr s sn t tr v w z".split(" ");
const MIDDLES = "a e i o u".split(" ");
const ENDS = "b d g k l m n p r t x nk mp".split(" ");

/** Returns a word that no language has. */
export function madeUpWord(random: () => number): string {
  const one = (list: readonly string[]): string => list[Math.floor(random() * list.length)];
  const syllable = (): string => one(STARTS) + one(MIDDLES);
  return syllable() + syllable() + one(ENDS);
}
