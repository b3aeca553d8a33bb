// Draws the figures of a report when they come near to sight, and follows what is chosen.
"use strict";
const near = new Set(); // figures less than a screen away from what is seen
const views = new Map(); // by figure
const papers = new Map(); // views of figures that are drawn for paper alone
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
  return bottom > 0 && top < window.innerHeight;
}

function specOf(figure) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const { column, beside } = spec.usermeta || {};
  const width = figure.querySelector(".drawn").clientWidth;
  if (column) spec.columns = Math.max(1, Math.floor((width - beside) / column));
  for (const each of spec.params || []) {
    const list = each.bind && each.bind.element && document.querySelector(each.bind.element);
    if (list) each.value = list.value; // what was chosen before it is drawn
  }
  return spec;
}

async function draw(figure) {
  figure.dataset.drawn = "begun";
  const place = figure.querySelector(".drawn");
  const spec = specOf(figure);
  try {
    const { view } = await vegaEmbed(place, spec, options);
    views.set(figure, view);
    if (spec.columns) columns.set(figure, place.clientWidth);
    figure.dataset.drawn = "done";
  } catch (error) {
    place.textContent = `This figure could not be drawn: ${error.message}`;
    figure.dataset.drawn = "failed";
    console.error(error);
  }
}

let drawing = false;
async function drawFigures() {
  if (drawing) return;
  drawing = true;
  for (;;) {
    const left = [...near].filter((figure) => figure.offsetParent && !figure.dataset.drawn);
    if (!left.length) break;
    await draw(left.find(inSight) || left[0]);
    await new Promise((resolve) => setTimeout(resolve)); // so that the page can be used meanwhile
  }
  drawing = false;
}

function drawForPaper(figure) {
  // Without waiting, since a browser does not wait before it prints.
  const spec = specOf(figure);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "svg" });
  view.logLevel(vega.Error).initialize(figure.querySelector(".drawn"));
  papers.set(figure, spec.columns ? view.run() : view.width(printWidth(figure)).run());
}

function fit() {
  window.dispatchEvent(new Event("resize"));
}

function setSmallFiguresAnew() {
  for (const [figure, width] of columns) {
    if (!figure.offsetParent || figure.querySelector(".drawn").clientWidth === width) continue;
    views.get(figure).finalize();
    columns.delete(figure);
    views.delete(figure);
    delete figure.dataset.drawn;
  }
  drawFigures();
}

function printWidth(figure) {
  return figure.parentElement.classList.contains("panels") ? 335 : 690; // [px] of A4
}

document.querySelectorAll(".chooser select").forEach((each) =>
  each.addEventListener("change", (event) => {
    if (event.isTrusted) fit(); // figures tell the list, too, when they are drawn
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
  const all = [...document.querySelectorAll("figure.chart:not([data-drawn])")];
  all.filter((figure) => figure.offsetParent).forEach(drawForPaper);
  views.forEach((view, figure) => {
    if (!columns.has(figure)) view.width(printWidth(figure)).run();
  });
});
window.addEventListener("afterprint", () => {
  opened.forEach((each) => (each.open = false));
  papers.forEach((view, figure) => {
    view.finalize();
    figure.querySelector(".drawn").replaceChildren();
  });
  papers.clear();
  fit();
});
window.addEventListener("resize", (event) => {
  if (event.isTrusted) setSmallFiguresAnew();
});
const observer = new IntersectionObserver(
  (changes) => {
    changes.forEach(({ target, isIntersecting }) => near[isIntersecting ? "add" : "delete"](target));
    drawFigures();
  },
  { rootMargin: "100% 0px" },
);
document.querySelectorAll("figure.chart").forEach((figure) => observer.observe(figure));
