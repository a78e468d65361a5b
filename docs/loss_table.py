"""Write the lists of losses into README.md and docs/losses.md, from the catalog."""

from itertools import groupby
from pathlib import Path

from lossary import catalog, losses

ROOT = Path(__file__).parent.parent
README, PAGE = ROOT / "README.md", ROOT / "docs" / "losses.md"
BEGIN, END = "<!-- losses: written by `make readme` -->", "<!-- end of losses -->"


def families() -> str:
    """Return a row per family: what it is, and its losses."""
    lines = ["| family | losses |", "|---|---|"]
    for family, specs in groupby(catalog(), key=lambda spec: spec.family):
        names = ", ".join(f"`{spec.name}`" for spec in specs)
        lines.append(f"| {family} | {names} |")
    return "\n".join(lines)


def table() -> str:
    """Return a row per loss, under a heading per family."""
    lines = []
    for family, specs in groupby(catalog(), key=lambda spec: spec.family):
        folder = Path(losses.__path__[0], family, "__init__.py")
        said = folder.read_text(encoding="utf-8").strip().strip('"')
        lines += [f"## {family}", "", said, "", "| loss | module | takes -> unit | source |"]
        lines.append("|---|---|---|---|")
        for spec in specs:
            takes = spec.signature.text.replace("|", "\\|")
            source = spec.paper.replace("|", "\\|")
            lines.append(f"| `{spec.name}` | `{spec.module.__name__}` | `{takes}` | {source} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def with_list(page: str, rows: str) -> str:
    """Return the page with the list of today."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rows}\n\n{END}{after}"


if __name__ == "__main__":
    for path, rows in ((README, families()), (PAGE, table())):
        path.write_text(with_list(path.read_text(encoding="utf-8"), rows), encoding="utf-8")
