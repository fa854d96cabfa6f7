// Expressions by hand: every change asks the server for the frame, one question at a time and always the latest.
// Keys of a timeline lead from one expression to the next; expressions can be saved by name, in this browser.
const $ = (name) => element.querySelector(`[data-fs="${name}"]`);
const rows = $("rows"), picture = $("frame"), seconds = $("seconds"), saved = $("saved"), STORE = "faceshot.expressions";
let stamp = null, amounts = {}, keys = [], asking = false, wanted = false;

function load() {
  const value = props.value;
  if (!value || value.stamp === stamp) return;
  stamp = value.stamp;
  keys = value.keys || [];
  if (value.src) picture.src = value.src; else picture.removeAttribute("src");
  rows.querySelectorAll("input, button").forEach((node) => { node.disabled = !value.token; });
  set({});
  show();
}

function set(wishes) { // the sliders, without asking for the frame
  amounts = {};
  for (const input of rows.querySelectorAll("input")) {
    input.value = wishes[input.name] ?? 0;
    if (+input.value) amounts[input.name] = +input.value;
  }
}

function take(wishes) { set(wishes); ask(); publish(); }

async function ask() {
  wanted = true;
  if (asking) return;
  asking = true;
  try {
    while (wanted) {
      wanted = false;
      const src = await server.answer({ token: props.value.token, amounts });
      if (src) picture.src = src;
    }
  } finally { asking = false; }
}

function publish() {
  props.value = { ...structuredClone(props.value), amounts: { ...amounts }, keys: structuredClone(keys) };
  show();
  trigger("change");
}

// ---- the timeline

function button(text, label, act) {
  const node = document.createElement("button");
  Object.assign(node, { type: "button", textContent: text, onclick: act, ariaLabel: label });
  return node;
}

function pick(key) { seconds.value = key.seconds.toFixed(1); take(key.amounts); }

function show() {
  const last = Math.max(1, ...keys.map((key) => key.seconds));
  $("track").replaceChildren(...keys.map((key) => {
    const node = button("", `key at ${key.seconds} seconds`, () => pick(key));
    node.style.left = `${(100 * key.seconds) / last}%`;
    node.ariaPressed = key.seconds === +seconds.value;
    return node;
  }));
  $("keys").replaceChildren(...keys.map((key) => {
    const parts = Object.entries(key.amounts).map(([name, v]) => `${name.replace("_", " ")} ${v}`).join(", ");
    const entry = document.createElement("li"), words = `${key.seconds.toFixed(1)} s: ${parts || "at rest"}`;
    const drop = () => { keys = keys.filter((one) => one !== key); publish(); };
    entry.append(button(words, words, () => pick(key)), button("×", `remove the key at ${key.seconds} seconds`, drop));
    return entry;
  }));
}

// ---- saved expressions

function kept() {
  try { return JSON.parse(localStorage.getItem(STORE)) || {}; } catch { return {}; }
}

function keep(all, chosen) {
  localStorage.setItem(STORE, JSON.stringify(all));
  list(chosen);
}

function list(chosen = "") {
  saved.replaceChildren(...["", ...Object.keys(kept())].map((name) => new Option(name || "…", name, false, name === chosen)));
}

saved.addEventListener("change", () => { if (saved.value && props.value.token) take(kept()[saved.value]); });

// ---- sliders and buttons

for (const { name, label, low, high, step } of props.amounts) {
  const row = document.createElement("div"), words = document.createElement("label"), input = document.createElement("input");
  Object.assign(input, { type: "range", min: low, max: high, step, value: 0, disabled: true, name });
  input.addEventListener("input", () => { amounts[name] = +input.value; if (!amounts[name]) delete amounts[name]; ask(); });
  input.addEventListener("change", publish);
  words.append(label, input);
  row.className = "fs-row";
  row.append(words, button("↺", `Reset: ${label}`, () => take({ ...amounts, [name]: 0 })));
  rows.append(row);
}

const actions = {
  rest: () => take({}),
  add: () => {
    keys = keys.filter((key) => key.seconds !== +seconds.value).concat({ seconds: +seconds.value, amounts: { ...amounts } });
    keys.sort((a, b) => a.seconds - b.seconds);
    seconds.value = Math.min(60, +seconds.value + 0.6).toFixed(1);
    publish();
  },
  clear: () => { keys = []; publish(); },
  save: () => { const name = $("name").value.trim(); if (name) keep({ ...kept(), [name]: { ...amounts } }, name); },
  forget: () => { const { [saved.value]: gone, ...rest } = kept(); keep(rest); },
};
element.addEventListener("click", (event) => {
  const name = event.target.closest("button")?.dataset.fs;
  if (name && props.value && props.value.token) actions[name]();
});
list();
watch("value", load);
load();
