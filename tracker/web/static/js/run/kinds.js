// What kinds of values stand in which part of the page of a run.

/** Whether a value is a histogram that `watch` made of a tensor of a model. */
export function isWatched(key, kind) {
  return kind === "histogram" && /^(graph_\d+)?(gradients|parameters)\//.test(key);
}

/** Whether there is something for the page of the model. */
export function hasModel(media) {
  return Object.entries(media).some(([key, kind]) => kind === "graph" || isWatched(key, kind));
}

/** The names of what stands among the media: all that is no number and not of the model. */
export function mediaKeys(media) {
  return Object.entries(media).filter(([key, kind]) => kind !== "graph" && !isWatched(key, kind)).map(([key]) => key);
}
