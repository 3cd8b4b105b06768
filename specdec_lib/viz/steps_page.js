// On a page of its own nobody else wants the keys: they work on opening, and after a click beside the figure.
const steps = document.querySelector(".specdec-steps");
const take = () => steps.focus({ preventScroll: true });
document.addEventListener("keydown", (event) => {
  if (event.target !== document.body) return;
  take();
  if (!steps.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
});
take();
