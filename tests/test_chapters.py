"""The chapters as notebooks: their template, their code, their exercises and their claims. nbval runs them."""

import ast
import importlib
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from snnlab import describe, models
from snnlab.models.published import Checks, Table, parameter_table, published
from snnlab.widgets.catalogue import LOOKS
from tools import published as tool

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    (ROOT / "chapters").glob("*.ipynb")
)  # the chapters, and the appendix's pages, which have no template
CHAPTERS = [path for path in PAGES if re.match(r"\d\d_", path.name)]
MODELS = {name: getattr(models, name) for name in models.__all__}
PARTS = [
    *("Question", "Model", "Predict", "Explore", "Under the hood", "Reproduce"),
    *("Exercises", "Challenge", "Summary"),
]
LINES, COLUMNS = 15, 78
YOUR_TURN = "# your turn"
FOLDED = {"source_hidden": True, "outputs_hidden": True}
DRAWINGS = {"raster", "rate", "trace", "voltage", "fi_curve", "figure", "phase_plane", "ring_map", "subplots"}


def source(cell: dict) -> str:
    return "".join(cell["source"])


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def code(cells: list[dict]) -> Iterator[dict]:
    return (cell for cell in cells if cell["cell_type"] == "code")


def text(cells: list[dict]) -> str:
    return "\n\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")


def trees(cells: list[dict]) -> Iterator[tuple[str, ast.Module]]:
    return ((cell["id"], ast.parse(source(cell))) for cell in code(cells))


def headings(cells: list[dict]) -> list[str]:
    return re.findall(r"^## (.+)$", text(cells), re.MULTILINE)


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def cells(chapter: Path) -> list[dict]:
    return read(chapter)


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def page_cells(page: Path) -> list[dict]:
    return read(page)


def test_there_is_a_chapter():
    assert CHAPTERS


# ---- the file -----------------------------------------------------------------------------------------------


def test_file_holds_sources_only(page):
    """No outputs, no counters, nothing of the machine: a run leaves no trace in the repository."""
    notebook = json.loads(page.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info"}
    assert set(notebook["metadata"].get("language_info", {})) <= {"name"}
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags", "jupyter"}, cell["id"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]


def test_ids_are_unique_words(page_cells):
    ids = [cell["id"] for cell in page_cells]
    assert len(set(ids)) == len(ids)
    for name in ids:
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name) and not re.fullmatch(r"[0-9a-f]{8}", name), name


def test_page_is_in_the_book(page):
    entries = (ROOT / "_toc.yml").read_text(encoding="utf-8").split()
    assert f"chapters/{page.stem}" in entries


# ---- the template -------------------------------------------------------------------------------------------


def test_opening_says_what_it_takes_and_what_it_gives(cells):
    opening = source(cells[0])
    assert opening.startswith("# ")
    assert 3 <= len(re.findall(r"^\* ", opening, re.MULTILINE)) <= 5, "three to five objectives"
    for label in ("**Before you start**:", "**Time**:", "**Figure reproduced**:", "https://doi.org/"):
        assert label in opening


def test_parts_stand_in_order(cells):
    assert headings(cells) == PARTS
    for part in PARTS:  # a part begins a cell
        assert any(source(cell).startswith(f"## {part}\n") for cell in cells)


def test_one_figure_opens_the_question(cells):
    question = part_of(cells, "Question")
    assert sum("plots.show(" in source(cell) for cell in code(question)) == 1


def test_prediction_comes_before_its_evidence(cells):
    predict = part_of(cells, "Predict")
    commit, *evidence = code(predict)
    assert "my_prediction" in source(commit) and not folded(commit)
    assert evidence and all(folded(cell) for cell in evidence)


def test_explorer_shows_few_controls_and_names_its_presets(cells):
    explore = part_of(cells, "Explore")
    (name,) = set(re.findall(r'^explorer = snnlab\.explore\("(\w+)"\)$', sources(explore), re.MULTILINE))
    named = re.findall(r"\*\*(.+?)\*\*", text(explore))
    assert 3 <= len(LOOKS[name].visible) <= 5
    assert len(named) == 3 and set(named) <= set(LOOKS[name].presets)


def test_building_by_hand_takes_at_most_25_lines_and_is_compared(cells):
    *built, compared = up_to(".code()", code(part_of(cells, "Under the hood")))
    assert any("Network(" in each or "def derivative(" in each for each in built)
    assert len([line for each in built for line in each.splitlines() if line.strip()]) <= 25
    # a network built by hand runs the same program; a derivative written anew is compiled anew, to other last bits
    equal = "allclose" if any("def derivative(" in each for each in built) else "array_equal"
    assert f"assert np.{equal}(" in compared


def test_checks_are_shown_and_enforced(cells):
    reproduce = sources(part_of(cells, "Reproduce"))
    assert re.search(r"^(\w+) = Checks\(.*\)$(?s:.*)^\1$(?s:.*)^assert \1\.passed$", reproduce, re.MULTILINE)


def test_citations_are_in_the_bibliography(page_cells):
    known = set(
        re.findall(r"^@\w+\{(\w+),", (ROOT / "chapters/references.bib").read_text("utf-8"), re.MULTILINE)
    )
    cited = {
        key.strip()
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text(page_cells))
        for key in keys.split(",")
    }
    assert cited <= known, cited - known


def test_chapter_cites(cells):
    assert re.search(r"\{cite(?::\w+)?\}`", text(cells))


def part_of(cells: list[dict], part: str) -> list[dict]:
    starts = [i for i, cell in enumerate(cells) if source(cell).startswith("## ")]
    for first, last in zip(starts, [*starts[1:], len(cells)], strict=True):
        if source(cells[first]).startswith(f"## {part}\n"):
            return cells[first:last]
    raise AssertionError(f"there is no part {part}")


def up_to(words: str, cells: Iterator[dict]) -> list[str]:
    """The sources up to the first that has these words."""
    texts = [source(cell) for cell in cells]
    return texts[: next(i for i, each in enumerate(texts) if words in each) + 1]


def sources(cells: list[dict]) -> str:
    return "\n".join(source(cell) for cell in code(cells))


def folded(cell: dict) -> bool:
    """Folded in JupyterLab; on the page a tag or a solution's frame folds it."""
    return cell["metadata"].get("jupyter", {}) == FOLDED


# ---- the code -----------------------------------------------------------------------------------------------


def test_code_cells_are_short(page_cells):
    for cell in code(page_cells):
        lines = source(cell).splitlines()
        assert len(lines) <= LINES, f"{cell['id']}: {len(lines)} lines"
        assert max(map(len, lines)) <= COLUMNS, f"{cell['id']}: a line is wider than {COLUMNS} columns"
        assert not re.search(r"^\s*[!%]", source(cell), re.MULTILINE), f"{cell['id']}: a shell or magic line"


def test_nothing_but_plain_words_and_symbols(page_cells):
    for cell in page_cells:
        strange = [c for c in source(cell) if ord(c) > 0x2FFF or 0x2600 <= ord(c) <= 0x27BF]
        assert not strange, f"{cell['id']}: {strange}"


def public(room: str) -> set[str]:
    """What a room of the package offers: what it lists, or else what it defines."""
    module = importlib.import_module(room)
    defined = {
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    }
    return set(getattr(module, "__all__", ())) or {name for name in defined if not name.startswith("_")}


def private_names(tree: ast.AST) -> list[str]:
    """Names of snnlab that a chapter should not know: the rooms behind the public ones, underscores."""
    wrong, rooms = (
        [],
        {
            "snnlab": "snnlab",
            "analysis": "snnlab.analysis",
            "plots": "snnlab.plots",
            "ring_plots": "snnlab.ring_plots",
        },
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "snnlab":
            if node.module.startswith(("snnlab.core", "snnlab.widgets")):
                wrong.append(node.module)
            else:
                wrong += [alias.name for alias in node.names if alias.name not in public(node.module)]
        elif isinstance(node, ast.Import):
            wrong += [alias.name for alias in node.names if alias.name.startswith("snnlab.")]
        elif isinstance(node, ast.Attribute):
            room = rooms.get(node.value.id) if isinstance(node.value, ast.Name) else None
            if node.attr.startswith("_") or (room and node.attr not in public(room)):
                wrong.append(node.attr)
    return wrong


def copied_parameters(tree: ast.AST) -> list[str]:
    """Parameters whose default a call of a model states once more."""
    copied = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MODELS:
            defaults = {p.name: p.default for p in describe(MODELS[node.func.id])}
            for keyword in node.keywords:
                try:
                    same = ast.literal_eval(keyword.value) == defaults.get(keyword.arg)
                except ValueError:
                    same = False
                if same:
                    copied.append(f"{node.func.id}({keyword.arg}={ast.unparse(keyword.value)})")
    return copied


def undescribed_figures(tree: ast.Module) -> list[str]:
    """Drawings that no ``plots.show`` with a text shows in the same cell."""
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    drawn = [
        call
        for call in calls
        if call.func.attr in DRAWINGS and ast.unparse(call.func.value) in ("plots", "plt", "ring_plots")
    ]
    shown = [call for call in calls if ast.unparse(call.func) == "plots.show"]
    wrong = [f"{ast.unparse(call.func)} is not shown" for call in drawn[:1] if not shown]
    for call in shown:
        alt = call.args[1] if len(call.args) == 2 else None
        words = "".join(
            part.value
            for part in ast.walk(alt or ast.Constant(""))
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        if len(words.split()) < 6:
            wrong.append("a figure's text says too little")
    return wrong


@pytest.mark.parametrize("problems", [private_names, copied_parameters, undescribed_figures])
def test_code_keeps_the_rules(page_cells, problems):
    assert {name: found for name, tree in trees(page_cells) if (found := problems(tree))} == {}


@pytest.mark.parametrize(
    ("problems", "bad"),
    [
        (private_names, "from snnlab.core.step import advance"),
        (private_names, "from snnlab.analysis import _ratio"),
        (private_names, "plots.base64"),
        (private_names, "import snnlab.core"),
        (copied_parameters, "net = coba_ei(I=10.0, g_inh=6.7)"),
        (copied_parameters, "coba_ei(E_inh=-80)"),
        (undescribed_figures, "plots.raster(recording)"),
        (undescribed_figures, "plots.show(plots.figure(recording), 'a raster')"),
        (undescribed_figures, "plots.show(plots.figure(recording))"),
    ],
)
def test_the_rules_notice_an_offence(problems, bad):
    assert problems(ast.parse(bad))


# ---- exercises ----------------------------------------------------------------------------------------------


def exercises(cells: list[dict]) -> dict[str, list[dict]]:
    """By key, the cells of every exercise: text, stub, start, solution, explanation, end."""
    found: dict[str, list[dict]] = {}
    for cell in part_of(cells, "Exercises")[1:]:
        key = re.fullmatch(r"(?:exercise|solution)-([a-z]+)(?:-\w+)?", cell["id"])
        assert key, f"{cell['id']} belongs to no exercise"
        found.setdefault(key[1], []).append(cell)
    return found


def differs_only_where_the_learner_writes(stub: str, solution: str) -> bool:
    """Whether the solution is the stub with each marked line replaced by at least one other."""
    pattern = ""
    for line in stub.splitlines():
        pattern += r"(?:.*\n)+?" if YOUR_TURN in line else re.escape(line) + "\n"
    return re.fullmatch(pattern, solution + "\n") is not None and YOUR_TURN not in solution


def test_exercises_are_graded(cells):
    found = exercises(cells)
    assert 4 <= len(found) <= 6
    levels = [re.search(r"\*\*(Easy|Medium|Hard)\.\*\*", source(parts[0]))[1] for parts in found.values()]
    assert levels == sorted(levels, key=["Easy", "Medium", "Hard"].index) and len(set(levels)) == 3


def test_exercises_have_their_parts(cells):
    for key, parts in exercises(cells).items():
        ids = [cell["id"] for cell in parts]
        assert ids == [
            *(f"exercise-{key}", f"exercise-{key}-stub", f"solution-{key}-start"),
            *(f"solution-{key}", f"solution-{key}-text", f"solution-{key}-end"),
        ]
        label = re.search(r"^:::\{exercise\} .+\n:label: ([\w-]+)\n", source(parts[0]))[1]
        assert source(parts[2]).startswith(f":::{{solution-start}} {label}\n")
        assert ":class: dropdown" in source(parts[2]) and source(parts[5]).startswith(":::{solution-end}\n")
        assert folded(parts[3]) and not folded(parts[1])


def test_solutions_differ_from_stubs_only_where_the_learner_writes(cells):
    for key, (_, stub, _, solution, *_) in exercises(cells).items():
        blanks = [line for line in source(stub).splitlines() if YOUR_TURN in line]
        assert blanks and all(re.match(r"\s*(return |\w+ = )None  # your turn", line) for line in blanks), key
        assert differs_only_where_the_learner_writes(source(stub), source(solution)), key
        assert not re.search(r"^\s*return None$", source(solution), re.MULTILINE), (
            f"{key}: nothing is returned"
        )
        assert "assert" in source(stub), f"{key}: the cell does not check the answer"


def test_a_solution_that_changes_the_question_is_noticed():
    stub = "def f(x):\n    return None  # your turn\n\n\nassert f(1) == 2"
    assert differs_only_where_the_learner_writes(stub, stub.replace("None  # your turn", "2 * x"))
    assert not differs_only_where_the_learner_writes(stub, stub)
    assert not differs_only_where_the_learner_writes(
        stub, "def f(x):\n    return 2 * x\n\n\nassert f(1) == 3"
    )
    assert not differs_only_where_the_learner_writes(stub, "def f(x):\n\n\nassert f(1) == 2")


# ---- the published numbers and the tables ---------------------------------------------------------------------


def test_published_numbers_are_those_of_the_tests():
    assert json.loads(tool.PUBLISHED.read_text(encoding="utf-8")) == tool.selection()


ASIDE = {  # variants without a name of their own; what the appendix shows; what is told in words
    *("cuba_000/cuba_int_noref_strict", "coba_002/coba_p7_norm", "cobahh_003/bench_300ms_dt025"),
    *(f"cobahh_003/bench_{name}" for name in ("seedinit_th0", "seedinit_dt05", "seedinit_dt025", "sub4")),
    "cobahh_003/bench_brian_init",
}


def test_chapter_checks_every_published_number(chapter, cells):
    """What the tests hold against the bands, the chapter shows."""
    literals = re.findall(r'"(\w+/[\w.{}]+)"', sources(cells))
    shown = [re.sub(r"\\\{\w+\\\}", ".+", re.escape(each)) for each in literals]  # {RI} stands for any
    sections = tool.CHAPTERS[chapter.stem]
    due = {name for name in tool.selection() if name.partition("/")[0] in sections} - ASIDE
    assert due and {name for name in due if any(re.fullmatch(each, name) for each in shown)} == due
    assert all(any(re.fullmatch(each, name) for name in due) for each in shown), literals


def test_checks_pass_only_when_every_number_is_in_its_band():
    expected = {name: entry["value"] for name, entry in published("cuba_000/cuba_int").items()}
    checks = Checks()
    assert not checks.passed, "nothing was checked"
    checks.add("CUBA", "cuba_000/cuba_int", expected | {"fano_pop": 1.0})
    assert checks.passed and len(checks.rows) == len(expected)
    for wrong in (math.nan, 0.5):
        checks = Checks()
        checks.add("CUBA", "cuba_000/cuba_int", expected | {"cv_isi": wrong})
        checks.add("CUBA", "cuba_000/cuba_int", expected)
        assert not checks.passed
        assert [row[-1] for row in checks.rows].count("NO") == 1


def test_checks_refuse_what_they_cannot_compare():
    with pytest.raises(ValueError, match='Nothing is published for "coba_002/coba".*coba_002/coba_6p7'):
        Checks().add("COBA", "coba_002/coba", {})
    with pytest.raises(ValueError, match='nothing was measured for "cv_isi"'):
        Checks().add("CUBA", "cuba_000/cuba_int", {"rE": 40.0, "rI": 40.0})


def test_published_numbers_cannot_be_changed_by_a_reader():
    published("cuba_000/cuba_int")["rE"]["hi"] = math.inf
    assert published("cuba_000/cuba_int")["rE"]["hi"] < math.inf


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_parameter_table_says_what_the_model_declares(model):
    declared = describe(model)
    tau = next(p.name for p in declared if p.name.startswith("tau"))
    table = parameter_table(model, "a paper", **{tau: "a <book>"})
    assert [row[0] for row in table.rows] == [p.name for p in declared]
    assert [float(row[1]) for row in table.rows] == [p.default for p in declared]
    assert {row[0]: row[-1] for row in table.rows} == {
        p.name: "a <book>" if p.name == tau else "a paper" for p in declared
    }
    assert {row[0]: row[3] for row in table.rows}[tau] == "above 0"
    assert "a &lt;book&gt;" in table._repr_html_() and "<book>" not in table._repr_html_()
    with pytest.raises(ValueError, match=f'{model.__name__} has no parameter "taus"'):
        parameter_table(model, "a paper", taus="a book")


def test_a_narrow_band_is_shown_with_its_digits():
    checks = Checks()
    checks.add(
        "reduced",
        "wongwang/bifurcations",
        {q: e["value"] for q, e in published("wongwang/bifurcations").items()},
    )
    checks.add("reduced", "wongwang/phi", {q: e["value"] for q, e in published("wongwang/phi").items()})
    assert checks.passed and checks.rows[0][1:] == (
        *("coherence of the fold", "0.90686", "0.90686", "0.90676 to 0.90696", "yes"),
    )
    assert all(low != high for *_, band, _ in checks.rows for low, _, high in [band.partition(" to ")])


def test_counts_are_whole_and_a_number_outside_looks_outside():
    name, checks = "two_neuron/RI25_w50_soft", Checks()
    checks.add("counts", name, {quantity: entry["value"] for quantity, entry in published(name).items()})
    assert all("." not in cell for row in checks.rows for cell in row[2:])
    (quantity, entry), *rest = published("cuba_000/cuba_int").items()
    just_above = entry["hi"] * (1.0 + 1e-6)
    checks.add("CUBA", "cuba_000/cuba_int", {quantity: just_above} | {q: e["value"] for q, e in rest})
    row = next(row for row in checks.rows if row[-1] == "NO")
    assert float(row[2]) > float(row[4].partition(" to ")[2])


def test_table_reads_as_text():
    assert repr(Table("caption", ("a", "long"), [("1", "2"), ("333", "4")])) == "a    long\n1    2\n333  4"
