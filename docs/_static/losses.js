/* The list of all losses: a box that leaves the rows with all of the words that are typed. */
document.addEventListener("DOMContentLoaded", () => {
  const tables = [...document.querySelectorAll("table.losses")];
  if (tables.length < 2) return;  // a family's own page is short
  const heading = document.querySelector("h1");
  const box = document.createElement("div");
  box.className = "find-loss";
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "huber, outliers, real N C, label N, arcface ...";
  field.setAttribute("aria-label", "Find a loss");
  const count = document.createElement("output");
  box.append(field, count);
  const first = heading.parentElement.querySelector("section");
  first.before(box);
  const rows = tables.flatMap(table => [...table.querySelectorAll("tbody tr")]);
  const texts = rows.map(row => row.textContent.toLowerCase().replaceAll("_", " "));
  const find = () => {
    const words = field.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every(word => texts[i].includes(word));
      shown += !row.hidden;
    });
    tables.forEach(table => {
      table.closest("section").hidden = ![...table.querySelectorAll("tbody tr")].some(row => !row.hidden);
    });
    count.textContent = words.length ? `${shown} of ${rows.length} losses` : "";
  };
  field.addEventListener("input", find);
});
