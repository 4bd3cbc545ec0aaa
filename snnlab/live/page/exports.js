// What can be taken away from a page's explorer: the picture, the spikes, the samples, the settings.

function save(name, blob) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** The entries of the export menu. */
function exportsOf(explorer) {
  const { name, settings } = explorer, text = (words, type) => new Blob([words], { type });
  const picture = (kind) => explorer.view.picture(kind).then(
    (blob) => save(`${name}.${kind}`, blob),
    (error) => explorer.tell(`The picture could not be saved: ${error.message}.`),
  );
  const entries = [
    ["Picture (PNG)", () => picture("png")],
    ["Picture (SVG)", () => picture("svg")],
    ["Spikes (CSV)", () => explorer.runner.table("spikes")],
    ["Traces (CSV)", () => explorer.runner.table("traces")],
    ["Settings (JSON)", () => save(`${name}.json`, text(settings.json(), "application/json"))],
    ["Code (Python)", () => save(`${name}.py`, text(settings.code(), "text/x-python"))],
  ];
  return explorer.manifest.populations?.length ? entries : entries.filter(([label]) => !label.startsWith("Spikes"));
}

function saveTable(explorer, { table, blob }) {
  if (blob) save(`${explorer.name}_${table}.csv`, blob);
  else explorer.tell("There is no finished run to export yet.");
}
