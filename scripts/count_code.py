"""Count the code of a package: files, lines, functions, and circles of imports.

    python scripts/count_code.py [--json] [harness]

A code line is a line with code on it: blank lines, comments and docstrings do not count. A circle
is a set of modules that import each other, directly or by way of others, at the top of the module
or inside functions. Imports under `if TYPE_CHECKING:` are counted apart.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import statistics
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def count_package(root: Path) -> dict[str, Any]:
    """Count the code of the package in the folder `root`."""
    paths = {_module_name(root, path): path for path in sorted(root.rglob("*.py"))}
    texts = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    code = {name: code_lines(texts[name], trees[name]) for name in paths}
    lengths = [
        len(code[name].intersection(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    graphs: list[dict[str, set[str]]] = [{}, {}]
    for name, tree in trees.items():
        package = name if paths[name].name == "__init__.py" else name.rpartition(".")[0]
        for with_types, graph in enumerate(graphs):
            found = imported_names(tree, package, with_types=bool(with_types))
            modules = {each if each in paths else each.rpartition(".")[0] for each in found}
            graph[name] = (modules & paths.keys()) - {name}
    circles = find_circles(graphs[0])
    return {
        "files": len(paths),
        "modules": sum(path.name != "__init__.py" for path in paths.values()),
        "loose_modules": sorted(
            path.stem for path in root.glob("*.py") if not path.stem.startswith("__")
        ),
        "code_lines": sum(map(len, code.values())),
        "longest_module_lines": max(map(len, code.values()), default=0),
        "functions": len(lengths),
        "median_function_lines": statistics.median(lengths or [0]),
        "circles": circles,
        "circles_only_with_types": [
            circle for circle in find_circles(graphs[1]) if circle not in circles
        ],
    }


def _module_name(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")


def code_lines(text: str, tree: ast.Module) -> set[int]:
    """Return the numbers of the lines that hold code; a bare string is a docstring."""
    docs = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in _NOT_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return lines - docs


def imported_names(tree: ast.AST, package: str, *, with_types: bool) -> Iterator[str]:
    """Yield what is imported, absolute; each may be a module or a name in one."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif with_types or not _is_type_checking(node):
            yield from imported_names(node, package, with_types=with_types)
        elif isinstance(node, ast.If):
            rest = ast.Module(node.orelse, [])
            yield from imported_names(rest, package, with_types=with_types)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def find_circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of modules that reach each other, each sorted."""
    reach = {name: _reach(graph, name) for name in graph}
    circles = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in graph
        if name in reach[name]
    }
    return [list(circle) for circle in sorted(circles)]


def _reach(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(graph[name])
    return found


def main() -> None:
    """Print the counts of one package."""
    parser = argparse.ArgumentParser(description="Count the code of a package.")
    parser.add_argument("root", nargs="?", type=Path, default=Path("harness"), help="Its folder.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    options = parser.parse_args()
    counts = count_package(options.root.resolve())
    if options.json:
        print(json.dumps(counts, indent=2))
        return
    for key, value in counts.items():
        many = isinstance(value, list)
        print(f"{key.replace('_', ' '):<24}{len(value) if many else value}")
        for each in value if many else ():
            print("    " + (each if isinstance(each, str) else ", ".join(each)))


if __name__ == "__main__":
    main()
