// What the theme leaves open: solutions that open wherever their title is clicked, names for
// its folding arrows, a way for the keyboard into what scrolls by itself, and white paper.
"use strict";

(() => {
  // sphinx-togglebutton knows clicks on the bar and on its arrow; text and numbers in the bar belong to it too.
  document.addEventListener(
    "click",
    (event) => {
      const title = event.target.closest?.(".toggle > .admonition-title");
      if (!title || event.target === title || event.target.closest("button")) return;
      event.stopPropagation();
      if (!event.target.closest("a")) title.querySelector("button.toggle-button").click();
    },
    true,
  );

  const nameArrows = () => {
    for (const arrow of document.querySelectorAll("details > summary:has(> .toctree-toggle)")) {
      const part = arrow.closest("li")?.querySelector("a")?.textContent.trim();
      arrow.setAttribute("aria-label", part ? `pages of ${part}` : "pages");
    }
    // The button is the only thing in its bar that a keyboard reaches; its name is that of the bar.
    for (const button of document.querySelectorAll(".toggle > .admonition-title > button.toggle-button")) {
      button.setAttribute("aria-label", button.parentElement.textContent.trim().replace(/\s+/g, " "));
    }
  };

  // A browser that does not put scrolling boxes into the tab order itself is helped along.
  const SCROLLING = "table.table, div.highlight > pre, .output pre, mjx-container[display=true]";
  const reachScrolling = () => {
    for (const box of document.querySelectorAll(SCROLLING)) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else if (box.tagName !== "MJX-CONTAINER") box.removeAttribute("tabindex");
    }
  };

  const saveNotebooks = () => {
    for (const link of document.querySelectorAll("a.btn-download-source-button, a.btn-download-notebook-button")) {
      link.setAttribute("download", "");
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    saveNotebooks();
    const article = document.querySelector(".bd-article");
    if (article) new ResizeObserver(reachScrolling).observe(article); // at once, and when the page changes its width
  });
  window.addEventListener("load", () => {
    nameArrows();
    (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reachScrolling);
  });

  // Paper is white.
  const onScreen = {};
  window.addEventListener("beforeprint", () => {
    onScreen.theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => (document.documentElement.dataset.theme = onScreen.theme));
})();
