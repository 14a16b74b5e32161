"""The house keeps its shape: directions, file names and sizes, routes, pins.

Each check is a plain function over a tree, so that a bad tree can prove that it is able to fail.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, path, re_path
from django.views import View

from realtime.sockets import SOCKETS

CHECKOUT = Path(__file__).resolve().parent.parent

# Each may import those before it.
ORDER = ("accounts", "notifications", "realtime")
COMPOSERS = ("config", "manage.py", "tests", "bench")
PASSED_OVER = {".venv", "var", "node_modules", "__pycache__", ".git", "migrations", "locale"}
NAMELESS = {"utils", "util", "helpers", "helper", "base", "common", "misc"}
SOURCES = {".py", ".js", ".mjs", ".css", ".html"}
LONGEST = 300

# Why a file may be longer than that.
LONG_FOR_A_REASON: Mapping[str, str] = {}

# Why a file may import inside a function.
LATE_FOR_A_REASON: Mapping[str, str] = {
    "tests/notifications/sender.py": "a process of its own, which has to set Django up first",
}


def sources(root: Path, *suffixes: str) -> Iterator[Path]:
    for found in sorted(root.rglob("*")):
        inside = found.relative_to(root)
        hidden = any(part in PASSED_OVER or part.startswith(".") for part in inside.parts)
        if not hidden and found.is_file() and found.suffix in suffixes:
            yield inside


def imports(root: Path, source: Path) -> Iterator[tuple[str, int, bool]]:
    """Each module that a file imports by statement or by name, the line, and whether a function does it."""

    def walk(node: ast.AST, in_function: bool) -> Iterator[tuple[str, int, bool]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, in_function) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = list(source.with_suffix("").parts)[: -node.level or None] if node.level else []
            module = ".".join([*package, *([node.module] if node.module else [])])
            # `from . import views` names its modules behind the word import.
            yield from (((module if node.module else f"{module}.{alias.name}"), node.lineno, in_function) for alias in node.names)
        elif isinstance(node, ast.Call) and (named := _named(node)):
            yield named, node.lineno, in_function
        inner = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inner)

    yield from walk(ast.parse((root / source).read_text()), False)


def _named(node: ast.Call) -> str | None:
    """The module that a call such as `import_module("realtime.consumer")` names."""
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if function not in {"import_module", "import_string", "__import__"} or not node.args:
        return None
    module = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
    return module if isinstance(module, str) else None


def wrong_directions(root: Path, late: Mapping[str, str]) -> list[str]:
    """Imports against accounts <- notifications <- realtime, of `config` by anybody but the composers, or inside a function."""
    found = []
    for source in sources(root, ".py"):
        owner = source.parts[0]
        for module, line, in_function in imports(root, source):
            target = module.partition(".")[0]
            where = f"{source}:{line} imports {module}"
            if target == "config" and owner not in COMPOSERS:
                found.append(f"{where}: nobody but {', '.join(COMPOSERS)} imports config; read django.conf.settings")
            if target == "tests" and owner not in ("tests", "bench"):
                found.append(f"{where}: the product does not know its tests")
            if owner in ORDER and target in ORDER and ORDER.index(target) > ORDER.index(owner):
                found.append(f"{where}: the direction is {' <- '.join(ORDER)}")
            if in_function and target in (*ORDER, "config", "tests") and str(source) not in late:
                found.append(f"{where} inside a function: what circle does that dodge?")
    return found


def nameless_modules(root: Path) -> list[str]:
    """Files and folders whose name says nothing."""
    return [str(source) for source in sources(root, *SOURCES) if NAMELESS & {source.stem, *source.parts[:-1]}]


def wrong_lengths(root: Path, reasons: Mapping[str, str]) -> list[str]:
    """Files over LONGEST lines without a reason, and reasons without such a file."""
    lengths = {str(source): len((root / source).read_text().splitlines()) for source in sources(root, *SOURCES)}
    long = {name: length for name, length in lengths.items() if length > LONGEST}
    return [
        *(f"{name} has {length} lines: it is probably two things" for name, length in long.items() if not reasons.get(name)),
        *(f"{name} has a reason to be long, and is not" for name in reasons if name not in long),
    ]


def loose_pins(root: Path) -> list[str]:
    """Requirements that another day would install in another version."""
    pinned = re.compile(r"-r requirements\.txt|[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][^ *]*( *;.*)?")
    found = []
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"):
        lines = [line.strip() for line in (root / name).read_text().splitlines()]
        found += [f"{name}: {line}" for line in lines if line and not line.startswith("#") and not pinned.fullmatch(line)]
    for folder in ("tests/node", "bench"):
        package = json.loads((root / folder / "package.json").read_text())
        wrong = ((name, version) for name, version in package["dependencies"].items() if not re.fullmatch(r"\d+\.\d+\.\d+", version))
        found += [f"{folder}: {name} {version}" for name, version in wrong]
    return found


# The same address, whichever way a route is written.
SAME = {"int": "[0-9]+", r"\d+": "[0-9]+", "str": "[^/]+", "path": ".+", "slug": "[-a-zA-Z0-9_]+"}


def http_routes(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Every address, its parameters without their names and an optional slash left out."""

    def parameter(found: re.Match[str]) -> str:
        kind = found["converter"] or found["regex"] or "str"
        return f"<{SAME.get(kind, kind)}>"

    for pattern in patterns:
        route = prefix + re.sub(r"^\^|\$$|\\Z$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from http_routes(pattern.url_patterns, route)
        else:
            route = re.sub(r"\(\?P<\w+>(?P<regex>[^()]*)\)|<(?:(?P<converter>\w+):)?\w+>", parameter, route)
            yield route.removesuffix("?").strip("/")


def wrong_routes(routes: Iterable[str]) -> list[str]:
    """Addresses that are registered twice, or below a prefix that was applied twice."""
    routes = list(routes)
    twice = [f"{route} is registered {count} times" for route, count in Counter(routes).items() if count > 1]
    return twice + [f"{route} repeats its prefix" for route in routes if re.search(r"(?:^|/)([^/<>]+(?:/[^/<>]+)*)/\1(?:/|$)", route)]


# This house


def test_imports_keep_to_their_direction() -> None:
    assert wrong_directions(CHECKOUT, LATE_FOR_A_REASON) == []


def test_every_module_has_a_name_that_says_something() -> None:
    assert nameless_modules(CHECKOUT) == []


def test_a_long_file_has_a_written_reason() -> None:
    assert wrong_lengths(CHECKOUT, LONG_FOR_A_REASON) == []


def test_what_we_stand_on_is_pinned() -> None:
    assert loose_pins(CHECKOUT) == []


def test_every_address_is_registered_once() -> None:
    routes = list(http_routes(get_resolver().url_patterns))
    assert len(routes) > 5
    assert wrong_routes(routes) == []
    assert wrong_routes(SOCKETS) == []


def test_every_socket_answers_plain_http_at_its_address() -> None:
    assert set(http_routes(path(socket, View.as_view()) for socket in SOCKETS)) <= set(http_routes(get_resolver().url_patterns))


# Each check can fail


def tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_py", ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("accounts__models_py", "from notifications.inbox import send", "the direction is"),
        ("accounts__models_py", "import realtime.consumer", "the direction is"),
        ("notifications__inbox_py", "from realtime import consumer", "the direction is"),
        ("notifications__admin__forms_py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import realtime", "the direction is"),
        ("notifications__inbox_py", "from importlib import import_module\nimport_module('realtime.consumer')", "the direction is"),
        ("accounts__tokens_py", "from config.options import Options", "nobody but"),
        ("realtime__server_py", "from tests import cast", "does not know its tests"),
        ("realtime__consumer_py", "async def connect():\n    from notifications import inbox", "inside a function"),
        ("accounts__views_py", "class View:\n    def get(self):\n        from . import services", "inside a function"),
    ],
)
def test_an_import_in_the_wrong_direction_is_found(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    found = wrong_directions(tree(tmp_path, **{name: text}), {})
    assert len(found) == 1
    assert complaint in found[0]


def test_imports_in_the_right_direction_are_not_complained_of(tmp_path: Path) -> None:
    good = tree(
        tmp_path,
        realtime__consumer_py="from accounts.groups import user_group\nfrom notifications import backlog",
        notifications__views_py="from . import services\nfrom accounts import tokens",
        config__urls_py="from realtime.views import upgrade_required",
        tests__test_x_py="from config import options",
    )
    assert wrong_directions(good, {}) == []


@pytest.mark.parametrize("name", ["accounts__utils_py", "realtime__helpers__wire_py", "notifications__base_py", "config__common_py"])
def test_a_name_that_says_nothing_is_found(tmp_path: Path, name: str) -> None:
    assert len(nameless_modules(tree(tmp_path, **{name: ""}))) == 1


def test_a_long_file_without_a_reason_is_found_and_so_is_a_reason_without_a_long_file(tmp_path: Path) -> None:
    tree(tmp_path, accounts__models_py="x = 1\n" * (LONGEST + 1), accounts__views_py="x = 1\n" * LONGEST)
    assert wrong_lengths(tmp_path, {}) == ["accounts/models.py has 301 lines: it is probably two things"]
    assert wrong_lengths(tmp_path, {"accounts/models.py": "because"}) == []
    assert wrong_lengths(tmp_path, {"accounts/models.py": "because", "accounts/views.py": "because"}) == [
        "accounts/views.py has a reason to be long, and is not",
    ]


def test_a_loose_pin_is_found(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("Django==5.2.19\nchannels\nredis>=5\n# a remark\nuvloop==0.23.0; sys_platform == 'linux'\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9.*\n")
    (tmp_path / "tests/node").mkdir(parents=True)
    (tmp_path / "tests/node/package.json").write_text('{"dependencies": {"ws": "^8.0.0"}}')
    (tmp_path / "requirements-bench.txt").write_text("-r requirements.txt\nfastapi==0.165.0\n")
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/package.json").write_text('{"dependencies": {"socket.io": "4.8.4"}}')
    assert loose_pins(tmp_path) == ["requirements.txt: channels", "requirements.txt: redis>=5", "requirements-dev.txt: pytest==9.*", "tests/node: ws ^8.0.0"]


def test_a_route_that_is_registered_twice_is_found() -> None:
    view = View.as_view()
    patterns: list[Any] = [
        path("api/v1/notifications/<int:pk>", view),
        re_path(r"^api/v1/notifications/(?P<number>[0-9]+)/?$", view),
        path("api/v1/token", view),
        re_path(r"^api/v1/token/refresh/?$", view),
    ]
    assert wrong_routes(http_routes(patterns)) == ["api/v1/notifications/<[0-9]+> is registered 2 times"]


@pytest.mark.parametrize("route", ["api/v1/api/v1/tasks", "ws/ws/chat", "api/api/ws/stats"])
def test_a_prefix_that_is_applied_twice_is_found(route: str) -> None:
    assert wrong_routes([route]) == [f"{route} repeats its prefix"]
    assert wrong_routes(["api/v1/ws/tasks/<[0-9]+>", "admin/<.+>/<.+>"]) == []
