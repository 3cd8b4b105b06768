// Draws each figure of a report when it comes near the window, and all of them before the page is printed.
(() => {
  const config = {
    responsive: true,
    displaylogo: false,
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
  };
  const draw = (place) => {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    const told = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    Plotly.newPlot(place, told.data, told.layout, config).then(() => { place.dataset.drawn = "done"; });
  };
  const places = [...document.querySelectorAll("[data-figure]")];
  const near = new IntersectionObserver(
    (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => { near.unobserve(one.target); draw(one.target); }),
    { rootMargin: "600px 0px" },
  );
  places.forEach((place) => near.observe(place));
  window.addEventListener("beforeprint", () => places.forEach(draw));
})();
