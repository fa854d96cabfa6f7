// The landmark editor in the node "Edit Face Landmarks": the same script that FaceShot's own page runs, served by the
// installed FaceShot. The node's run hands it the picture; what is moved goes into the node's text "edits".
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const NODE = "FaceShotEditFaceLandmarks", HEIGHT = 420;
let editor = null;

function load() { // once for all nodes
  editor ??= import(api.apiURL("/faceshot/editor.js")).then((module) => {
    const style = document.head.appendChild(document.createElement("style"));
    style.textContent = module.style + `
      .fs-comfy { width: 100%; height: 100%; overflow: auto; --body-text-color: var(--input-text, #ddd);
        --background-fill-secondary: var(--comfy-input-bg, #222); --border-color-primary: var(--border-color, #4e4e4e); }
      .fs-comfy svg[data-fs="canvas"] { max-height: none; }`;
    return module;
  });
  return editor;
}

function address({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

async function attach(node) {
  const edits = node.widgets.find((widget) => widget.name === "edits");
  edits.hidden = true;
  edits.computeSize = () => [0, -4];
  if (edits.element) edits.element.style.display = "none";
  const box = document.createElement("div");
  box.className = "fs-comfy";
  node.addDOMWidget("editor", "faceshot_editor", box, {
    serialize: false, hideOnZoom: false, getMinHeight: () => HEIGHT, getValue: () => "", setValue: () => {},
  });
  node.setSize([Math.max(node.size[0], 460), Math.max(node.size[1], HEIGHT + 120)]);

  const { template, vocabulary, open } = await load();
  box.innerHTML = template;
  box.querySelector(".fs-blank").textContent = "Run once: the picture and its landmarks appear here.";
  for (const event of ["pointerdown", "pointermove", "pointerup", "wheel", "keydown", "contextmenu"]) {
    box.addEventListener(event, (e) => e.stopPropagation()); // the canvas below would move, or delete the node
  }
  const props = { vocabulary, value: { stamp: "none", picture: null } };
  let told = () => {};
  open(box, props, (event) => {
    if (event !== "change") return;
    const { of, landmarks: { points, edited, absent } } = props.value;
    edits.value = JSON.stringify({ of, points, edited, absent });
    edits.callback?.(edits.value);
    node.graph?.change?.();
  }, (name, listener) => { told = listener; });

  const executed = node.onExecuted;
  node.onExecuted = function (output) {
    executed?.apply(this, arguments);
    const shown = output?.faceshot?.[0];
    if (!shown) return;
    shown.picture.src = address(shown.file);
    props.value = shown;
    told();
  };
}

app.registerExtension({
  name: "FaceShot.EditFaceLandmarks",
  async nodeCreated(node) {
    if (node.comfyClass === NODE) await attach(node);
  },
});
