"""The house stands as planned: floors, packages, public names, light start."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import logisight
import pytest
from conftest import REPOSITORY, source_files

FLOORS = {
    "schema": 0, "geometry": 0, "color": 0, "scene": 0,
    "tools": 1, "prompts": 1, "sandbox": 1,
    "agents": 2, "benchmarks": 3, "cli": 4,
}  # fmt: skip


def rooms_imported(path: Path) -> set[str]:
    """The rooms of this house that a file imports from, by its first folder or file name."""
    rooms = set()
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == len(path.parts):
            rooms |= {(node.module or alias.name).split(".")[0] for alias in node.names}
    return rooms


def test_every_room_is_on_a_floor() -> None:
    assert {path.parts[0].removesuffix(".py") for path in source_files()} - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize(
    "path", [p for p in source_files() if p.name != "__init__.py" or len(p.parts) > 1], ids=str
)
def test_imports_only_go_down(path: Path) -> None:
    own = path.parts[0].removesuffix(".py")
    for room in rooms_imported(path) - {own}:
        same_ground = FLOORS[room] == FLOORS[own] and FLOORS[own] in (0, 4)
        assert FLOORS[room] < FLOORS[own] or same_ground, f"{path} imports {room}, which is no floor below it"


@pytest.mark.parametrize("path", source_files(), ids=str)
def test_imports_inside_the_package_are_relative(path: Path) -> None:
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert not any(name.split(".")[0] == "logisight" for name in names)


def test_package_list_is_the_tree() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in source_files()}
    assert sorted(declared) == sorted(".".join(("logisight", *folder.parts)) for folder in folders)


def test_every_data_file_is_declared() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]
    suffixes = {".j2", ".lark", ".toml", ".typed"}
    for folder in {path.parent for path in source_files()}:
        package = ".".join(("logisight", *folder.parts))
        for file in (REPOSITORY / folder).iterdir():
            if file.suffix in suffixes and file.name != "pyproject.toml":
                assert any(file.match(pattern) for pattern in declared.get(package, [])), file


def test_every_public_name_can_be_imported() -> None:
    for name in logisight.__all__:
        assert getattr(logisight, name).__name__ == name


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_command_line_starts_without_heavy_imports() -> None:
    heavy = "{'torch', 'sklearn', 'skimage', 'scipy', 'cv2', 'langgraph', 'langchain_core', 'numpy'}"
    assert run_python(f"import sys, logisight.cli; print(sorted({heavy} & set(sys.modules)))").strip() == "[]"


def test_nothing_imports_torch() -> None:
    rooms = "agents.batch, logisight.agents.workshop, logisight.benchmarks.demo"
    assert run_python(f"import sys, logisight.{rooms}; print('torch' in sys.modules)").strip() == "False"
