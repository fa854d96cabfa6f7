// Expressions by hand: every change asks the server for the frame, one question at a time and always the latest.
const rows = element.querySelector("[data-fs='rows']"), picture = element.querySelector("[data-fs='frame']");
const list = element.querySelector("[data-fs='keys']"), seconds = element.querySelector("[data-fs='seconds']");
let stamp = null, amounts = {}, keys = [], asking = false, wanted = false;

function load() {
  const value = props.value;
  if (!value || value.stamp === stamp) return;
  stamp = value.stamp;
  amounts = {}; keys = value.keys || [];
  if (value.src) picture.src = value.src; else picture.removeAttribute("src");
  rows.querySelectorAll("input").forEach((input) => { input.value = 0; input.disabled = !value.token; });
  show();
}

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

function show() {
  list.replaceChildren(...keys.map((key) => {
    const entry = document.createElement("li"), parts = Object.entries(key.amounts).filter(([, v]) => v !== 0);
    entry.textContent = `${key.seconds.toFixed(1)} s: ${parts.map(([n, v]) => `${n.replace("_", " ")} ${v}`).join(", ") || "at rest"}`;
    return entry;
  }));
}

for (const { name, label, low, high, step } of props.amounts) {
  const row = document.createElement("label"), input = document.createElement("input");
  Object.assign(input, { type: "range", min: low, max: high, step, value: 0, disabled: true, name });
  input.addEventListener("input", () => { amounts[name] = +input.value; ask(); });
  input.addEventListener("change", publish);
  row.append(label, input);
  rows.append(row);
}

const actions = {
  rest: () => { amounts = {}; rows.querySelectorAll("input").forEach((input) => { input.value = 0; }); ask(); publish(); },
  add: () => {
    keys = keys.filter((key) => key.seconds !== +seconds.value).concat({ seconds: +seconds.value, amounts: { ...amounts } });
    keys.sort((a, b) => a.seconds - b.seconds);
    seconds.value = Math.min(60, +seconds.value + 0.6).toFixed(1);
    publish();
  },
  clear: () => { keys = []; publish(); },
};
element.addEventListener("click", (event) => {
  const name = event.target.closest("button")?.dataset.fs;
  if (name && props.value && props.value.token) actions[name]();
});
watch("value", load);
load();
