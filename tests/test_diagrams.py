"""docs/diagrams: the files are those of the script, the script follows the source, and all can be read."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.diagrams import DIAGRAMS, cells
from docs.diagrams.source import NUMPY, Edge, Equation, cell_graph, instance

FOLDER = Path(__file__).parent.parent / "docs/diagrams"
SVG = "{http://www.w3.org/2000/svg}"
Rectangle = tuple[float, float, float, float]


def test_there_is_a_file_for_each_diagram() -> None:
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(DIAGRAMS)


@pytest.mark.parametrize("name", DIAGRAMS)
def test_files_are_what_the_script_writes(name: str) -> None:
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == DIAGRAMS[name](), (
        "run python -m docs.diagrams"
    )


@pytest.mark.parametrize("name", DIAGRAMS)
def test_nothing_overlaps_and_nothing_is_outside(name: str) -> None:
    root = ElementTree.fromstring(DIAGRAMS[name]())
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    labels = [
        rectangle(node) for node in root.iter(f"{SVG}text") if node.get("class") in ("adjoint", "remark")
    ]
    boxes = [sides(node) for node in root.iter(f"{SVG}rect") if str(node.get("class")).startswith("box")]
    shown = labels + boxes
    assert all(x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height for x0, y0, x1, y1 in shown)
    for k, one in enumerate(shown):
        for other in shown[k + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one, other)


def rectangle(node: ElementTree.Element) -> Rectangle:
    """Where a label of 12 pixels is; its letters are at most 0.6 as wide as high."""
    width, x, y = 7.2 * len(node.text or ""), float(node.attrib["x"]), float(node.attrib["y"]) - 4.5
    left = x if node.get("text-anchor") == "start" else x - width / 2
    return left + 1, y - 6, left + width - 1, y + 6


def sides(node: ElementTree.Element) -> Rectangle:
    x, y, width, height = (float(node.attrib[key]) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


@pytest.mark.parametrize(
    ("before", "after", "edge"),
    [
        ("c_next = f * c + i * g", "c_next = f * c + i * o", Edge("g", "c_next", "d_g (3)")),
        (
            "d_f, d_c = d_c_next * c, d_c_next * f",
            "d_f, d_c_3 = d_c_next * c, 0",
            Edge("c", "c_next", "d_c (3)"),
        ),
        ("m = o * tanh_c_next  # (4)", "m = o  # (4)", Edge("c_next", "m", "d_c_next (4)")),
    ],
)
def test_the_graph_follows_the_source(before: str, after: str, edge: Edge, tmp_path: Path) -> None:
    text = (NUMPY / "lstm.py").read_text(encoding="utf-8")
    assert text.count(before) == 1
    changed = tmp_path / "lstm.py"
    changed.write_text(text.replace(before, after), encoding="utf-8")
    assert edge in cell_graph(NUMPY / "lstm.py").edges
    assert edge not in cell_graph(changed).edges


def test_a_new_name_needs_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = cells.LAYOUTS["gru"]
    fewer = {name: place for name, place in layout.places.items() if name != "z"}
    monkeypatch.setitem(cells.LAYOUTS, "gru", layout._replace(places=fewer))
    with pytest.raises(ValueError, match=r"GRU, one step: expected places of .*'z'"):
        cells.draw("gru")


def test_an_equation_at_one_time_step() -> None:
    assert instance(Equation("(1)", "s'[:N_t] = step(x_t, s[:N_t])"), 2) == ("(1)", "s_3", ["x_2", "s_2"])
    assert instance(Equation("(8)", "loss += - log p_t[target_t]"), 0) == (
        "(8)",
        "loss",
        ["log p_0", "target_0"],
    )
