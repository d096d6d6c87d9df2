/**
 * Counts what a turn costs while it goes on, for the log of a request that is broken off.
 * @module
 */
import type { ChatHappening, Usage } from "./chat-ask.ts";

/** A count that grows with what happens; at the end it is what the turn itself says. */
export class UsageCount {
  /** What it cost until now. */
  usage: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 };

  /** Takes what happens next. */
  take(happening: ChatHappening): void {
    const { usage } = this;
    if (happening.type === "accepted") {
      this.usage = { ...usage, promptTokens: happening.promptIds.length };
    } else if (happening.type === "begin") {
      this.usage = { ...usage, cachedTokens: happening.cachedTokens };
    } else if (happening.type === "token") {
      const completionTokens = usage.completionTokens + 1;
      const reasoningTokens = usage.reasoningTokens + (happening.isReasoning ? 1 : 0);
      this.usage = { ...usage, completionTokens, reasoningTokens };
    } else if (happening.type === "usage") this.usage = happening.usage;
  }
}
