// The built-in motions as cards, each moving on the user's own picture.
const list = element.querySelector("[data-fs='cards']");
let stamp = null;

function load() {
  const value = props.value;
  if (!value || value.stamp === stamp) return;
  stamp = value.stamp;
  list.replaceChildren(...value.motions.map(({ name, src }) => {
    const card = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "fs-motion", value: name, checked: name === value.chosen });
    const picture = document.createElement(src ? "img" : "span");
    if (src) Object.assign(picture, { src, alt: "" }); else picture.className = "fs-still";
    card.append(input, picture, name);
    return card;
  }));
}

element.addEventListener("change", (event) => {
  props.value = { ...structuredClone(props.value), chosen: event.target.value };
  trigger("change");
});
watch("value", load);
load();
