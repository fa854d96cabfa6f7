// What draws the frames.
element.addEventListener("change", (event) => {
  const backends = props.value.backends.map((row) => ({ ...row, chosen: row.name === event.target.value }));
  props.value = { backends };
  trigger("change");
});
