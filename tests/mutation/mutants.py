"""Put small errors into the losses, one at a time, and see whether the tests notice.

A mutant is a loss in which one operator, constant, comparison or call is another. It is killed if a
law of the contract or a reference fails. What survives is either the same mathematics written
differently, or something that no test looks at; the program lists it.
"""

from __future__ import annotations

import ast
import copy
import inspect
import random
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from lossary import catalog
from lossary.check import examine, subject_of
from lossary.spec import LossSpec
from references import REFERENCES

# Laws that see a wrong formula; those of compiling and copying do not look at numbers.
LAWS = (
    "unit_shape",
    "sum_law",
    "weight_law",
    "zero_weight_deletes",
    "ignored_deletes",
    "mean_of_nothing",
    "parts_add",
    "gradient",
    "second_gradient",
    "half_precision",
    "extremes",
    "rejects",
    "module_agrees",
    "claims",
)
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: None,
}
COMPARISONS = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
METHODS = {
    "sum": "mean",
    "mean": "sum",
    "amax": "amin",
    "square": "abs",
    "exp": "neg",
    "log_softmax": "softmax",
    "logsumexp": "sum",
    "abs": "neg",
    "cos": "sin",
    "sin": "cos",
}


def mutations(tree: ast.Module, function: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield a description and a tree for every change of the function and of what it calls."""
    sites = [
        (node, field)
        for definition in _called(tree, function)
        for statement in definition.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for node, field in _sites(statement)
    ]
    for node, change in sites:
        before = copy.copy(node.__dict__)
        old = ast.unparse(node)
        change(node)
        new = ast.unparse(node)
        yield f"line {node.lineno}: {old}  ->  {new}", copy.deepcopy(tree)
        node.__dict__.clear()
        node.__dict__.update(before)


def _called(tree: ast.Module, function: str) -> list[ast.FunctionDef]:
    """Return the function, and those of its module that it leads to."""
    known = {d.name: d for d in tree.body if isinstance(d, ast.FunctionDef)}
    found: dict[str, ast.FunctionDef] = {}
    names = [function]
    while names:
        name = names.pop()
        if name in known and name not in found:
            found[name] = known[name]
            names += [n.id for n in ast.walk(known[name]) if isinstance(n, ast.Name)]
    return list(found.values())


def _sites(statement: ast.stmt) -> Iterator[tuple[ast.AST, object]]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Raise | ast.JoinedStr):
            continue
        if isinstance(node, ast.BinOp) and OPERATORS.get(type(node.op)):
            yield node, lambda n: setattr(n, "op", OPERATORS[type(n.op)]())
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node, lambda n: setattr(n, "op", ast.UAdd())
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
            yield node, lambda n: setattr(n, "ops", [COMPARISONS[type(n.ops[0])]()])
        elif isinstance(node, ast.Attribute) and node.attr in METHODS:
            yield node, lambda n: setattr(n, "attr", METHODS[n.attr])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reduce":
            yield node, lambda n: setattr(n, "args", [n.args[0], ast.Constant(None), n.args[2]])
            yield node, lambda n: setattr(n, "args", [*n.args[:2], ast.Constant("sum")])


def build(spec: LossSpec, tree: ast.Module) -> LossSpec:
    """Run a changed module, and return its record of the same loss."""
    original = inspect.getmodule(spec.function)
    assert original is not None
    module = types.ModuleType(f"{original.__name__}_mutant")
    module.__package__ = original.__package__
    sys.modules[module.__name__] = module  # pickle and inspect look there
    code = compile(ast.fix_missing_locations(tree), str(original.__file__), "exec")
    exec(code, module.__dict__)
    specs = getattr(module, "SPECS", None) or (module.SPEC,)
    return next(s for s in specs if s.name == spec.name)


def noticed(spec: LossSpec) -> bool:
    """Whether a law or a reference fails."""
    for source in REFERENCES.values():
        if spec.name in source:
            found = examine(subject_of(spec, reference=source[spec.name]), "reference")
            if found.outcome == "failed":
                return True
    subject = subject_of(spec)
    return any(examine(subject, law).outcome == "failed" for law in LAWS)


def main() -> None:
    """Try the mutants of the losses named, or so many of all, drawn at random."""
    torch.set_num_threads(1)
    named = [a for a in sys.argv[1:] if not a.isdecimal()]
    sample = next((int(a) for a in sys.argv[1:] if a.isdecimal()), None)
    every = []
    for spec in catalog():
        if not named or spec.name in named:
            source = inspect.getsource(inspect.getmodule(spec.function))  # type: ignore[arg-type]  # every loss has one
            every += [(spec, *found) for found in mutations(ast.parse(source), spec.name)]
    chosen = every if sample is None else random.Random(0).sample(every, min(sample, len(every)))
    killed, survivors = 0, []
    for number, (spec, told, tree) in enumerate(chosen, 1):
        try:
            dead = noticed(build(spec, tree))
        except Exception:  # a mutant that cannot even be built is noticed
            dead = True
        killed += dead
        if not dead:
            survivors.append(f"{spec.name}, {told}")
            print(survivors[-1], flush=True)
        if number % 50 == 0:
            print(f"{number} of {len(chosen)}", flush=True)
    share = killed / max(len(chosen), 1)
    print(f"{killed} of {len(chosen)} mutants killed, {share:.1%}; there are {len(every)} in all")


if __name__ == "__main__":
    main()
