// Sends what is typed, painted or pointed at to `answer`, and puts the parts it gives in place.
const root = element.querySelector(".arithmetic");
const part = (name) => root.querySelector(`[data-part=${name}]`);
const chosen = (name) => root.querySelector(`[name=${name}]:checked`)?.value;
const RESHAPING = ["operation", "example", "language", "rows", "columns", "size"];
let at = ""; // the output that is pointed at
let source = ""; // the input that is pointed at
let kernel = ""; // which pooling shows by its size only
let operation = "";

function cells(table) {
  const rows = [...root.querySelectorAll(`[data-table=${table}] tr`)];
  const texts = (row) => [...row.querySelectorAll("input")].map((cell) => encodeURIComponent(cell.value));
  return rows.map((row) => texts(row).join(",")).join(";");
}

function form(changed) {
  const query = new URLSearchParams({ changed, language: chosen("language"), brush: chosen("brush") });
  if (source) query.set("source", source);
  const example = root.querySelector("[name=example]").value;
  if (example && ["example", "language", "at"].includes(changed)) {
    query.set("example", example);
    if (changed !== "example" && at) query.set("at", at);
    return query;
  }
  query.set("map", cells("map"));
  query.set("kernel", cells("kernel") || kernel);
  query.set("from", operation);
  if (at) query.set("at", at);
  for (const field of root.querySelectorAll("select[name=operation], .sliders [name]"))
    if (!["rows", "columns", "size"].includes(field.name) || field.dataset.moved)
      query.set(field.name, field.value);
  return query;
}

// One question at a time, so that no answer is older than what stands on the page.
const waiting = new Set();
let busy = false;
async function change(name) {
  waiting.add(name);
  if (busy) return;
  busy = true;
  try {
    while (waiting.size) {
      const [next] = waiting;
      waiting.delete(next);
      await ask(String(form(next)), next);
    }
  } finally {
    busy = false;
  }
}

async function ask(query, changed) {
  const answer = await server.answer(query);
  if (RESHAPING.some((name) => waiting.has(name))) return; // the next answer has it all
  const focused = document.activeElement?.id;
  for (const [name, html] of Object.entries(answer.parts)) part(name).innerHTML = html;
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  mark(answer);
  kernel = answer.kernel;
  operation = root.querySelector("[name=operation]").value;
  root.querySelector("[name=example]").value = answer.preset;
  if (!waiting.has("at")) at = new URLSearchParams(answer.query).get("at") ?? at;
  if (changed) show(answer.query);
}

function mark({ marks, shades }) {
  for (const name of ["used", "chosen", "bad", "pointed", "reached"]) {
    root.querySelectorAll(`.${name}`).forEach((each) => each.classList.remove(name));
    for (const id of marks[name] ?? []) document.getElementById(id)?.classList.add(name);
  }
  for (const [table, rows] of Object.entries(shades))
    rows.forEach((row, y) => row.forEach((shade, x) =>
      document.getElementById(`${table}-${y}-${x}`)?.style.setProperty("--shade", shade)));
}

function show(query) { // in the address; gradio's own __theme stays
  const theme = new URLSearchParams(location.search).get("__theme");
  const address = "?" + query + (theme ? `&__theme=${theme}` : "");
  history.replaceState(history.state, "", address);
  root.querySelector("[data-link]")?.setAttribute("href", address);
}

function paint(cell) {
  const step = { raise: 1, lower: -1 }[chosen("brush")];
  cell.value = (Number(cell.value) || 0) + step;
  change("cell");
}

let painted = null;
const painting = () => chosen("brush") !== "type";
root.addEventListener("pointerdown", (event) => {
  if (!event.target.matches("[data-cell]") || !painting()) return;
  event.preventDefault();
  event.target.releasePointerCapture?.(event.pointerId);
  painted = event.target;
  painted.focus();
  paint(painted);
});
root.addEventListener("pointermove", (event) => {
  const cell = document.elementFromPoint(event.clientX, event.clientY);
  if (!painted || !event.buttons || cell === painted || !cell?.matches("[data-cell]")) return;
  painted = cell;
  paint(cell);
});
window.addEventListener("pointerup", () => { painted = null; });

function point({ target }) {
  const cell = target.closest("[data-at], [data-table=map] input");
  if (!cell) return;
  const isOutput = "at" in cell.dataset;
  const place = cell.dataset.at ?? cell.id.replace("map-", "").replace("-", ",");
  const already = isOutput ? place === at && !source : place === source;
  if (already) return;
  source = isOutput ? "" : place;
  if (isOutput) {
    at = place;
    root.querySelectorAll("[data-at][tabindex='0']").forEach((each) => { each.tabIndex = -1; });
    cell.tabIndex = 0;
  }
  change("at");
}
root.addEventListener("pointerover", point);
root.addEventListener("focusin", point);

root.addEventListener("input", ({ target }) => {
  if (target.matches("[data-cell]")) return change("cell");
  const name = target.dataset.twin ?? target.name; // a slider has a number as its twin
  if (!target.closest(".slider")) return;
  const number = document.getElementById(name);
  const slider = document.getElementById(`${name}-slider`);
  number.value = target.value;
  number.dataset.moved = true;
  if (slider) slider.value = target.value;
  change(name);
});
root.addEventListener("change", ({ target }) => {
  if (target.name === "brush") root.classList.toggle("painting", painting());
  else if (target.matches("select, [type=radio]")) {
    if (target.name === "example" && !target.value) return;
    if (target.name === "example") at = source = "";
    change(target.name);
  }
});

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
root.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const place = event.target.closest("[data-cell], [data-at]");
  if (!step || !place) return;
  const [table, row, column] = place.id.split("-");
  const next = document.getElementById(`${table}-${+row + step[0]}-${+column + step[1]}`);
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.select?.();
});

ask(location.search.replace(/[?&]changed=[^&]*/, ""), "");
