// The picture before is drawn across the result as far as the slider says.
element.addEventListener("input", (event) => {
  event.target.closest("figure").style.setProperty("--before", `${event.target.value}%`);
});
