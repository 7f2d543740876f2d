// The page of an export: what the data says, drawn by the chart above. Text is always text.

{
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const charts = [];
  let dark = system.matches;
  let language = data.language ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

  const t = (text, values = {}) => ((language === "zh" ? REPORT_ZH[text] : null) ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

  const h = (name, properties = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (value === null || value === undefined) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  };

  const numbers = (text) => new Float64Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

  const show = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return fullNumber(value);
    if (typeof value === "object") return value._type ? `‹${value._type}›` : JSON.stringify(value);
    return String(value);
  };

  const flat = (values, before = "") => Object.entries(values).flatMap(([key, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value) && !value._type && Object.keys(value).length
      ? flat(value, `${before}${key}.`) : [[before + key, value]]);

  // curves

  const axisName = (one) => (one.kind !== "number" || one.x === "step" ? t(one.x) : one.x);

  function panel(one) {
    const host = h("div");
    const curves = one.curves.map((curve) => ({ ...curve, id: curve.label, x: numbers(curve.x), y: numbers(curve.y) }));
    const left = one.curves.filter((curve) => curve.points < curve.total);
    const note = left.length ? t(left.length === 1 ? "a curve of {points} points: extremes are kept" : "{n} curves of up to {points} points: extremes are kept", { n: left.length, points: Math.max(...left.map((curve) => curve.total)).toLocaleString("en-US") }) : "";
    const chart = new LineChart(host, {
      onHover: (x) => charts.forEach((other) => other.x === one.x && other.chart.setHover(x, other.chart === chart)),
      onView: (range) => chart.set({ view: range ? { x: range } : undefined }),
      whole: t("Reset the zoom"),
    });
    charts.push({ chart, curves, x: one.x });
    chart.set({ title: one.title, xLabel: axisName(one), xKind: one.kind, xLog: one.logX, yLog: one.logY });
    return h("section", { className: "panel" }, h("h3", { title: one.title }, one.title), host, h("footer", {}, [axisName(one), note].filter(Boolean).join(" · ")));
  }

  const smoothing = h("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: 0, oninput: paint });
  const log = h("input", { type: "checkbox", checked: data.panels.some((one) => one.logY), onchange: paint });

  function paint() {
    root.classList.toggle("dark", dark);
    const weight = Number(smoothing.value);
    for (const { chart, curves } of charts) {
      const drawn = curves.flatMap((curve) => {
        const colored = { ...curve, ...styleOf(curve.color, dark) };
        if (!weight || curve.faint) return [colored];
        return [{ ...colored, faint: true }, { ...colored, derived: true, width: 2, y: smoothed(curve.y, weight) }];
      });
      chart.set({ curves: drawn, yLog: log.checked, theme: dark ? DARK : LIGHT });
    }
    for (const patch of document.querySelectorAll("[data-color]")) patch.style.background = patchOf(styleOf(Number(patch.dataset.color), dark));
  }

  // what runs are

  const FACTS = [["state", "State"], ["project", "Project"], ["id", "Id"], ["created", "Created"], ["duration_s", "Duration (s)"], ["tags", "Tags"], ["group", "Group"],
    ["notes", "Notes"], ["command", "Command"], ["commit", "Commit"], ["branch", "Branch"], ["dirty", "Uncommitted changes"], ["code_commit", "Code commit"], ["host", "Host"], ["python", "Python"]];

  function table(rows) {
    const several = data.runs.length > 1;
    const shown = rows.filter(([, values]) => values.some((value) => value !== undefined && value !== null && value !== "" && String(value) !== ""));
    if (!shown.length) return h("p", { className: "soft" }, t("Nothing is recorded."));
    return h("div", { className: "wide" }, h("table", {},
      several ? h("tr", {}, h("th", {}, ""), data.runs.map((run) => h("th", { scope: "col" }, run.name))) : null,
      shown.map(([name, values]) => h("tr", { className: several && new Set(values.map((value) => JSON.stringify(value))).size > 1 ? "differs" : "" },
        h("th", { scope: "row" }, name), values.map((value) => h("td", {}, Array.isArray(value) ? value.map(show).join(", ") : show(value)))))));
  }

  const across = (part) => {
    const all = data.runs.map((run) => new Map(flat(run[part])));
    return [...new Set(all.flatMap((values) => [...values.keys()]))].map((key) => [key, all.map((values) => values.get(key))]);
  };

  function origin(step) {
    const made = step.note ? ` (${step.note})` : step.run ? ` ${t("made by {run}", { run: step.run })}` : "";
    return h("li", {}, h("code", {}, step.version), made, step.inputs.length ? h("ul", { className: "lineage" }, step.inputs.map(origin)) : null);
  }

  function lineage(run) {
    const { used, logged } = run.lineage;
    if (!used.length && !logged.length) return null;
    return h("div", {}, h("h3", {}, run.name),
      used.length ? [h("div", { className: "soft" }, t("from")), h("ul", { className: "lineage" }, used.map(origin))] : null,
      logged.length ? [h("div", { className: "soft" }, t("made")), h("div", {}, logged.map((name) => [h("code", {}, name), " "]))] : null);
  }

  const several = data.runs.length > 1;
  const names = data.runs.map((run) => run.name);
  const label = (run) => (names.filter((name) => name === run.name).length > 1 ? `${run.name} (${run.id})` : run.name);

  function build() {
    root.lang = language === "zh" ? "zh-CN" : "en";
    charts.splice(0).forEach(({ chart }) => chart.destroy());
    const origins = data.whole ? data.runs.map(lineage).filter(Boolean) : [];
    const button = (text, action, more = {}) => h("button", { type: "button", onclick: action, ...more }, text);
    document.getElementById("page").replaceChildren(
      h("h1", {}, several ? t("{n} runs", { n: data.runs.length }) : data.runs[0].name),
      h("p", { className: "soft" }, t("Made by {what}.", { what: data.made })),
      h("div", { className: "legend" }, data.runs.map((run, place) => h("span", {}, patch(place), label(run), h("span", { className: "soft" }, t(run.state))))),
      h("div", { className: "bar" }, h("label", {}, t("Smoothing"), smoothing), h("label", {}, log, t("Logarithmic")),
        button(t("Light / dark"), () => ((dark = !dark), paint())),
        button(language === "zh" ? "English" : "中文", () => ((language = language === "zh" ? "en" : "zh"), build()), { lang: language === "zh" ? "en" : "zh-CN" }),
        h("span", {}, t("Drag to zoom, double-click for the whole."))),
      h("div", { className: "grid" }, data.panels.map(panel)),
      ...(data.whole ? [
        h("h2", {}, several ? t("Runs") : t("The run")), table(FACTS.map(([key, name]) => [t(name), data.runs.map((run) => (key === "state" ? t(run.state) : run[key]))])),
        h("h2", {}, t("Config")), table(across("config")),
        h("h2", {}, t("Results")), table(across("summary")),
        ...(origins.length ? [h("h2", {}, t("Lineage")), ...origins] : []),
      ] : []),
    );
    paint();
  }

  function patch(place) {
    const element = h("i");
    element.dataset.color = place;
    return element;
  }

  system.addEventListener("change", () => ((dark = system.matches), paint()));
  build();
}
