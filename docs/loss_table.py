"""Write the table of losses into README.md, from the catalog."""

from itertools import groupby
from pathlib import Path

from lossary import catalog

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- losses: written by `make readme` -->", "<!-- end of losses -->"


def table() -> str:
    """Return the table as Markdown: a row per loss, grouped by family."""
    lines = ["| family | loss | module | takes -> unit |", "|---|---|---|---|"]
    for family, specs in groupby(catalog(), key=lambda spec: spec.family):
        for i, spec in enumerate(specs):
            name, takes = family if i == 0 else "", spec.signature.text.replace("|", "\\|")
            lines.append(f"| {name} | `{spec.name}` | `{spec.module.__name__}` | `{takes}` |")
    return "\n".join(lines)


def with_table(readme: str) -> str:
    """Return the README with the table of today."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
