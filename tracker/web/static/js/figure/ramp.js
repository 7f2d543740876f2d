// Colours for amounts: from pale to strong, even in lightness, for eyes of all kinds.

const RAMP_LIGHT = [[246, 248, 250], [199, 224, 236], [120, 178, 211], [42, 118, 173], [12, 62, 112], [4, 26, 56]];
const RAMP_DARK = [[23, 28, 33], [22, 54, 82], [24, 98, 143], [52, 152, 196], [138, 205, 228], [238, 248, 252]];

/** Red, green and blue for a share between 0 and 1. */
export function rampColor(share, dark) {
  const ramp = dark ? RAMP_DARK : RAMP_LIGHT;
  const place = Math.min(0.9999, Math.max(0, share)) * (ramp.length - 1);
  const from = Math.floor(place), rest = place - from;
  return ramp[from].map((part, i) => Math.round(part + (ramp[from + 1][i] - part) * rest));
}

/** Black or white, whichever can be read on this ground. */
export function inkOn([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#101418" : "#ffffff";
}
