/**
 * Viridis, at ten equal steps from low to high. Each step is lighter than the one before, so it can be read without
 * colour and by colour-blind readers.
 */
const steps = [
  ...[0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e],
  ...[0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725],
];

/** The colour of a share from 0 (low) to 1 (high), as `#rrggbb`. */
export function colourOf(share: number): string {
  const place = Math.min(Math.max(share, 0), 1) * (steps.length - 1);
  const below = Math.min(Math.floor(place), steps.length - 2);
  const [from, to] = [steps[below] as number, steps[below + 1] as number];
  const channels = [16, 8, 0].map((shift) => {
    const [low, high] = [(from >> shift) & 255, (to >> shift) & 255];
    return Math.round(low + (high - low) * (place - below))
      .toString(16)
      .padStart(2, '0');
  });
  return `#${channels.join('')}`;
}
