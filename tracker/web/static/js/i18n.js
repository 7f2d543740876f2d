// Two languages. The English text is the key; what a language lacks is shown in English.

import { chinese } from "./zh.js";

const TABLES = { en: {}, zh: { ...chinese } };
let language = "en";

/** Adds the texts of a page of its own to a language. */
export function addTexts(name, texts) {
  Object.assign(TABLES[name], texts);
}

/** Returns a text in the language of the page, with `{name}` replaced by values. */
export function t(text, values = {}) {
  const found = TABLES[language][text] ?? text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Returns "1 run" or "3 runs"; languages without plural have one text for both. */
export function count(number, one, many) {
  return t(number === 1 ? one : many, { n: number.toLocaleString(locale()) });
}

export function currentLanguage() {
  return language;
}

export function locale() {
  return language === "zh" ? "zh-CN" : "en-US";
}

/** Chooses the language: as it was chosen here before, else the browser's. */
export function chooseLanguage(wanted) {
  const stored = localStorage.getItem("tracker.language");
  const preferred = navigator.language?.toLowerCase().startsWith("zh") ? "zh" : "en";
  language = wanted ?? (stored in TABLES ? stored : preferred);
  if (wanted) localStorage.setItem("tracker.language", wanted);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}
