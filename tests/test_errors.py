"""The tree of errors: each is a builtin type too, as the module's docstring draws it."""

import builtins
import inspect
import pickle
import re

import pytest

from spanwise import errors

DRAWN = re.compile(r"[├└]── (\w+)(?: \((\w+)\))?")


def drawn_tree():
    """Name, parent and builtin type of each error in the drawing."""
    parents = ["SpanwiseError"]
    for line in errors.__doc__.splitlines():
        if match := DRAWN.search(line):
            depth = match.start() // 4
            del parents[depth:]
            yield match[1], parents[-1], match[2]
            parents.append(match[1])


TREE = list(drawn_tree())


def test_the_drawing_shows_every_error():
    defined = {n for n, c in vars(errors).items() if inspect.isclass(c)}
    assert {name for name, _, _ in TREE} | {"SpanwiseError"} == defined
    assert len(TREE) > 8


@pytest.mark.parametrize(("name", "parent", "builtin"), TREE)
def test_every_error_is_what_the_drawing_says(name, parent, builtin):
    error = getattr(errors, name)
    assert getattr(errors, parent) in error.__bases__
    if builtin is not None:
        assert issubclass(error, getattr(builtins, builtin))
    assert error.__doc__


@pytest.mark.parametrize("name", [name for name, _, _ in TREE])
def test_every_error_is_a_builtin_error_too_and_travels(name):
    error = getattr(errors, name)
    builtin = [c for c in error.__mro__ if c.__module__ == "builtins"]
    assert builtin[0] not in (Exception, BaseException, object)
    copy = pickle.loads(pickle.dumps(error("what to do")))
    assert type(copy) is error
    assert str(copy) == "what to do"
