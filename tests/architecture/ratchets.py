"""Rules on the text of the program, each a function from a parsed module to what it finds wrong."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the program: its path from the repository's root, and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)

    def functions(self) -> list[Function]:
        """Every function and method."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]


def program() -> list[Module]:
    """Every module of the package."""
    return [Module(str(path.relative_to(ROOT)), path.read_text()) for path in sorted((ROOT / "trader").rglob("*.py"))]


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def long_functions(module: Module) -> Iterator[str]:
    """Bodies of more than 50 lines."""
    for function in module.functions():
        if body_lines(function) > 50:
            yield f"{function.name} has {body_lines(function)} lines"


def long_files(module: Module) -> Iterator[str]:
    """Files of more than 400 lines."""
    if (lines := len(module.text.splitlines())) > 400:
        yield f"{lines} lines"


def god_classes(module: Module) -> Iterator[str]:
    """Classes of more than 15 public methods."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            public = [item for item in node.body if isinstance(item, Function) and not item.name.startswith("_")]
            if len(public) > 15:
                yield f"{node.name} has {len(public)} public methods"


def blind_excepts(module: Module) -> Iterator[str]:
    """`except:`, `except Exception` and `except BaseException` that swallow; only the command line may."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler) or module.path == "trader/cli/main.py":
            continue
        names = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
        caught = {name.id for name in names if isinstance(name, ast.Name)}
        raises_again = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in node.body)
        if node.type is None or "Exception" in caught or ("BaseException" in caught and not raises_again):
            yield f"line {node.lineno}"


def missing_annotations(module: Module) -> Iterator[str]:
    """Parameters and results without a type."""
    for function in module.functions():
        a = function.args
        given = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        bare = [arg.arg for arg in given if arg.annotation is None and arg.arg not in ("self", "cls")]
        if bare or function.returns is None:
            yield f"{function.name}({', '.join(bare)})"


def approvals(module: Module) -> Iterator[str]:
    """An ApprovedOrder made anywhere but in the gate."""
    if module.path != "trader/decision/admission.py":
        yield from (f"line {call.lineno}" for call in _calls(module) if _name(call).split(".")[-1] == "ApprovedOrder")


_WALL_CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def wall_clocks(module: Module) -> Iterator[str]:
    """The time asked of the machine, anywhere but in the two clocks and in the foreign exchange."""
    clocks = ("trader/adapters/clock.py", "trader/deployment/clock.py")
    if module.path not in clocks and not module.path.startswith("trader/simulated_exchange/"):
        for call in _calls(module):
            if ".".join(_name(call).split(".")[-2:]) in _WALL_CLOCKS:
                yield f"line {call.lineno}: {_name(call)}"


def silencers(module: Module) -> Iterator[str]:
    """Comments that silence a tool, and work left undone."""
    for number, line in enumerate(module.text.splitlines(), start=1):
        if any(word in line for word in ("# noqa", "type: ignore", "TODO", "FIXME", "NotImplementedError")):
            yield f"line {number}"


def median_body(modules: list[Module]) -> float:
    """The median length of a function's body, in lines."""
    return median(body_lines(function) for module in modules for function in module.functions())


RATCHETS: dict[str, Callable[[Module], Iterator[str]]] = {
    rule.__name__: rule
    for rule in (
        long_functions,
        long_files,
        god_classes,
        blind_excepts,
        missing_annotations,
        approvals,
        wall_clocks,
        silencers,
    )
}


def _calls(module: Module) -> list[ast.Call]:
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)
