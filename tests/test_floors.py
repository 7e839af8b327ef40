"""The floor plan: imports go down, and each wall has one door."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "hub"

FLOORS = [
    [
        "hub.errors",
        "hub.money",
        "hub.qbwc.letters",
        "hub.qbwc.notation",
        "hub.qbwc.qbxml",
        "hub.qbwc.shapes",
        "hub.qbwc.statuses",
    ],
    [
        "hub.settings",
        "hub.start_postgres",
        "hub.embedded",
        "hub.db",
        "hub.tasks",
        "hub.mail",
        "hub.limits",
        "hub.observe",
    ],
    ["hub.tenants", "hub.security"],
    ["hub.ledger"],
    ["hub.books"],
    ["hub.exporters"],
    ["hub.qbwc"],
    ["hub.sandbox"],
    ["hub.routes", "hub.views"],
    ["hub", "hub.cli", "hub.demo", "hub.report", "hub.serve", "hub.supervisor"],
]

WALLS = {
    "spyne": {"hub.qbwc.soap"},
    "lxml": {"hub.qbwc.qbxml"},
    "celery": {"hub.tasks"},
    "bcrypt": {"hub.security"},
}


def module(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def floor(name):
    """The floor of a module: that of the longest name in FLOORS that it lies under."""
    found = [
        (len(place), number)
        for number, places in enumerate(FLOORS)
        for place in places
        if name == place or (place != "hub" and name.startswith(f"{place}."))
    ]
    assert found, f"{name} stands on no floor"
    return max(found)[1]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module.split(".")[0] == "hub":
                yield from (
                    f"{node.module}.{alias.name}"
                    for alias in node.names
                    if (PACKAGE.parent / f"{node.module}.{alias.name}".replace(".", "/"))
                    .with_suffix(".py")
                    .exists()
                )


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=module)
def test_imports_go_down(path):
    own = floor(module(path))
    inside = [name for name in imports(path) if name.startswith("hub.")]
    assert not {name for name in inside if floor(name) > own}


@pytest.mark.parametrize("path", sorted((PACKAGE / "sandbox").rglob("*.py")), ids=module)
def test_the_sandbox_stands_on_the_pure_floor_alone(path):
    inside = {name for name in imports(path) if name.startswith("hub.")}
    assert all(
        name.startswith("hub.sandbox") or floor(name) == 0 or name == "hub.qbwc" for name in inside
    )


@pytest.mark.parametrize("path", MODULES, ids=module)
def test_each_wall_has_one_door(path):
    outside = {name.split(".")[0] for name in imports(path)}
    assert not {wall for wall, doors in WALLS.items() if wall in outside and module(path) not in doors}


@pytest.mark.parametrize("path", MODULES, ids=module)
def test_only_settings_reads_the_environment(path):
    reads = "os.environ" in path.read_text() or "os.getenv" in path.read_text()
    assert not reads or module(path) == "hub.settings"


@pytest.mark.parametrize("path", MODULES, ids=module)
def test_every_module_says_what_lives_there(path):
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text))
