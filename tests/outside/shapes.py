"""Shapes of replies: members that must be there, and of which type. More members are welcome."""

import re


class Nullable:
    def __init__(self, shape):
        self.shape = shape


class Maybe(Nullable):
    """A list that may be empty."""


def oid(value):
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{24}", value)


def instant(value):
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value)


def amount(value):
    """Major units: a number, not a text and not a truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def text(value):
    return isinstance(value, str)


def flag(value):
    return isinstance(value, bool)


def number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def url(value):
    return isinstance(value, str) and value.startswith("http://")


def check(value, shape, path="data"):
    """Fails with the path of the member that has another shape."""
    if isinstance(shape, Maybe):
        assert isinstance(value, list), f"{path} is not a list: {value!r}"
        for index, each in enumerate(value):
            check(each, shape.shape, f"{path}[{index}]")
    elif isinstance(shape, Nullable):
        if value is not None:
            check(value, shape.shape, path)
    elif isinstance(shape, dict):
        assert isinstance(value, dict), f"{path} is not an object: {value!r}"
        for name, member in shape.items():
            assert name in value, f"{path} lacks {name!r}; it has {sorted(value)}"
            check(value[name], member, f"{path}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list) and value, f"{path} is not a list with items: {value!r}"
        for index, each in enumerate(value):
            check(each, shape[0], f"{path}[{index}]")
    elif callable(shape):
        assert shape(value), f"{path} is not {shape.__name__}: {value!r}"
    else:
        assert value == shape, f"{path} is {value!r}, not {shape!r}"
