/**
 * A few numbers with names, as horizontal bars.
 * @module
 */
import type { JSX } from "preact";

/** One bar. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  /** The number in words, at the end of the bar. */
  readonly text: string;
  /** `on`: chosen. `lost`: wanted and not chosen. */
  readonly tone?: "on" | "lost" | undefined;
  /** Makes the bar a button. */
  readonly onPress?: () => void;
  readonly isPressed?: boolean;
}

/** Bars on one scale. */
export interface BarsProps {
  readonly label: string;
  readonly bars: readonly Bar[];
  /** The end of the scale; by default the largest number. */
  readonly most?: number;
  /** Whether the texts are long: on a narrow screen they stand under the bars. */
  readonly isWordy?: boolean;
}

export function Bars({ label, bars, most, isWordy = false }: BarsProps): JSX.Element {
  const values = bars.map(({ value }) => value).filter(Number.isFinite);
  const low = Math.min(0, ...values);
  const high = most ?? Math.max(0, ...values);
  const span = high - low || 1;
  return (
    <ul class={isWordy ? "bar-list wordy" : "bar-list"} aria-label={label}>
      {bars.map(({ name, value, text, tone, onPress, isPressed }) => {
        const from = (Math.min(0, value) - low) / span;
        const width = Number.isFinite(value) ? Math.min(1, Math.abs(value) / span) : 0;
        const color = tone ?? (value < 0 ? "lost" : "");
        return (
          <li key={name}>
            {onPress ? (
              <button type="button" class="plain" aria-pressed={isPressed} onClick={onPress}>
                {name}
              </button>
            ) : (
              <span class="bar-name">{name}</span>
            )}
            <span class="bar-track">
              <span
                class={`bar-fill ${color}`}
                style={{ insetInlineStart: `${from * 100}%`, width: `${width * 100}%` }}
              />
            </span>
            <span class="bar-value">{text}</span>
          </li>
        );
      })}
    </ul>
  );
}
