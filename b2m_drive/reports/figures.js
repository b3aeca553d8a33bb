// Draws the figures of a report, those in sight first, and follows what is chosen.
"use strict";
const views = new Map(); // by figure
const columns = new Map(); // width that small figures were set for
const options = {
  renderer: "svg",
  mode: "vega-lite",
  logLevel: vega.Error,
  actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
  i18n: { SVG_ACTION: "Save as SVG", PNG_ACTION: "Save as PNG", CLICK_TO_VIEW_ACTIONS: "Save this figure" },
};

function inSight(figure) {
  const { top, bottom } = figure.getBoundingClientRect();
  return bottom > -300 && top < window.innerHeight + 300; // [px]
}

async function draw(figure) {
  figure.dataset.drawn = "begun";
  const place = figure.querySelector(".drawn");
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const { column, beside } = spec.usermeta || {};
  if (column) spec.columns = Math.max(1, Math.floor((place.clientWidth - beside) / column));
  try {
    const { view } = await vegaEmbed(place, spec, options);
    views.set(figure, view);
    if (column) columns.set(figure, place.clientWidth);
    figure.dataset.drawn = "done";
  } catch (error) {
    place.textContent = `This figure could not be drawn: ${error.message}`;
    figure.dataset.drawn = "failed";
    console.error(error);
  }
}

async function drawFigures() {
  for (;;) {
    const left = [...document.querySelectorAll(`figure.chart:not([data-drawn])`)];
    const shown = left.filter((figure) => figure.offsetParent);
    if (!shown.length) break;
    await draw(shown.find(inSight) || shown[0]);
    await new Promise((resolve) => setTimeout(resolve)); // so that the page can be used meanwhile
  }
  document.body.dataset.drawn = views.size;
}

function fit() {
  window.dispatchEvent(new Event("resize"));
}

function setSmallFiguresAnew() {
  for (const [figure, width] of columns) {
    if (!figure.offsetParent || figure.querySelector(".drawn").clientWidth === width) continue;
    views.get(figure).finalize();
    columns.delete(figure);
    delete figure.dataset.drawn;
  }
  drawFigures();
}

function printWidth(figure) {
  return figure.parentElement.classList.contains("panels") ? 335 : 690; // [px] of A4
}

document.querySelectorAll(".chooser select").forEach((each) =>
  each.addEventListener("change", (event) => {
    const drawn = drawFigures();
    if (event.isTrusted) drawn.then(fit); // figures tell the list, too, when they are drawn
  }),
);
document.querySelectorAll(".flip").forEach((figure) => {
  const made = [...figure.querySelectorAll(".made")];
  figure.querySelectorAll("[data-of]").forEach((image) => {
    image.src = made[image.dataset.of].src;
    image.alt = made[image.dataset.of].alt;
  });
  figure.querySelector("[data-flips]").addEventListener("change", (event) =>
    made.forEach((image, k) => image.classList.toggle("chosen", k === Number(event.target.value))),
  );
});
const folded = () => [...document.querySelectorAll("main details:not(.vega-embed details)")];
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = folded().filter((each) => !each.open);
  opened.forEach((each) => (each.open = true));
  views.forEach((view, figure) => {
    if (!columns.has(figure)) view.width(printWidth(figure)).run();
  });
});
window.addEventListener("afterprint", () => {
  opened.forEach((each) => (each.open = false));
  fit();
});
window.addEventListener("resize", (event) => {
  if (event.isTrusted) setSmallFiguresAnew();
});
drawFigures();
