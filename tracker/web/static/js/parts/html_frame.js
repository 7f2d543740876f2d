// HTML that a run logged, in a frame that is nobody: no origin, no network; scripts only if somebody says so.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";

export function htmlFrame(url, title) {
  const holder = h("div.html-frame");
  const draw = (scripts) => {
    const source = scripts ? `${url}&scripts=1` : url;
    fill(holder,
      h("div.small.note", {}, scripts ? t("Its scripts run, cut off from this page and the network.") : t("Its scripts do not run."), " ",
        h("button.quiet", { type: "button", onclick: () => draw(!scripts) }, scripts ? t("Stop them") : t("Let them run"))),
      h("iframe", { src: source, title, sandbox: scripts ? "allow-scripts" : "", referrerPolicy: "no-referrer", loading: "lazy" }));
  };
  draw(false);
  return holder;
}
