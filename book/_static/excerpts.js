// A passage beside each page that the search lists: of the section that was found, else of the first one that has a
// word that was looked for. The words come from texts.js, a script, since a page opened from a folder may not fetch.
"use strict";

(() => {
  const BEFORE = 100;
  const LENGTH = 240;
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  const query = new URLSearchParams(location.search).get("q") ?? "";
  const words = query.toLowerCase().split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
  const stems = () => words.map((word) => new Stemmer().stemWord(word));

  const places = (text, looked) => looked.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0);

  /** The text to show of a page, and where in it the first word is; sections at `anchor` come first. */
  const choose = (sections, anchor) => {
    const mine = sections.filter(([ids]) => anchor && ids.split(" ").includes(anchor));
    for (const looked of [words, stems()]) {
      for (const [, text] of [...mine, ...sections]) {
        const found = places(text, looked);
        if (found.length) return [text, Math.min(...found)];
      }
    }
    return [(mine[0] ?? sections.find(([, text]) => text) ?? ["", ""])[1], 0];
  };

  /** `LENGTH` characters around a place, whole words. */
  const passage = (text, place) => {
    const start = place > BEFORE ? text.indexOf(" ", place - BEFORE) + 1 : 0;
    const end = start + LENGTH < text.length ? text.lastIndexOf(" ", start + LENGTH) : text.length;
    return `${start ? "… " : ""}${text.slice(start, Math.max(end, place))}${end < text.length ? " …" : ""}`;
  };

  /** A paragraph in which the words stand out. */
  const paragraph = (text) => {
    const shown = document.createElement("p");
    shown.className = "context";
    const escaped = [...words, ...stems()].map((word) => word.replace(/[^\p{L}\p{N}_]/gu, "\\$&")).filter(Boolean);
    const parts = escaped.length ? text.split(new RegExp(`(${escaped.join("|")})`, "giu")) : [text];
    parts.forEach((part, index) => {
      const piece = index % 2 ? document.createElement("strong") : document.createTextNode("");
      piece.textContent = part;
      shown.append(piece);
    });
    return shown;
  };

  const complete = (item) => {
    const link = item.querySelector("a");
    if (!link || item.querySelector(":scope > span, :scope > p.context")) return; // what stands in a list of names says what it is
    const [page, anchor] = link.getAttribute("href").split("#");
    const sections = window.bookTexts?.[decodeURI(page).replace(/\.html$/, "")];
    if (sections) item.append(paragraph(passage(...choose(sections, anchor && decodeURIComponent(anchor)))));
  };

  document.addEventListener("DOMContentLoaded", () => {
    const results = document.getElementById("search-results");
    if (!results || !words.length) return;
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) {
        for (const node of addedNodes) if (node.nodeName === "LI") complete(node);
      }
    }).observe(results, { childList: true, subtree: true });
  });
})();
