"""A reader of pickles that cannot call anything: numbers, texts, containers, and notes of calls.

A pickle is a program: it may name any function and call it. This reader runs the program without
the functions: in the place of what a call would make stands a `Made`, which holds the name, the
arguments and the state. No size in the file takes memory before the bytes for it are there.

Python's own unpickler with a restricted `find_class` is not enough. What it lets through is called
with any arguments (NumPy's `dtype.__setstate__` believes the flags that it gets), the table of its
memo grows to any index, and the hash of a tuple that is nested deeply ends the process.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_KEYS = {str, int, float, bool, type(None)}  # types whose hash is computed here


@dataclass(frozen=True)
class Name:
    """The name of a function or class: `numpy.dtype`."""

    name: str


@dataclass(slots=True, eq=False)
class Made:
    """Stands for what a call would make. `state`: what the pickle sets in it afterwards."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


def read_pickle(content: bytes) -> Any:
    """The value of a pickle of the protocols 2 to 5. Nothing is called or imported.

    None, bool, int, float, str, list, tuple and dict come as they are, bytes as `memoryview`, and
    all else as `Name` or `Made`. Items of a set, and of a dict whose key is none of these plain
    values, are left out.

    Raises ValueError: the pickle is damaged, or needs more than that.
    """
    program = _Program(content)
    try:
        return program.run()
    except (LookupError, TypeError, ValueError, struct.error) as error:
        raise ValueError(f"the pickle is damaged near byte {program.position:,}") from error


class _Program:
    """The stack, the marks in it, and the memo of a pickle that is being read."""

    def __init__(self, content: bytes) -> None:
        self.content, self.view = content, memoryview(content)
        self.position = 0  # where reading ended
        self.stack: list[Any] = []
        self.marks: list[int] = []  # how high the stack was at each open mark
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        content, view, stack, memo = self.content, self.view, self.stack, self.memo
        push, index_at, integer_at = stack.append, _U4.unpack_from, _I4.unpack_from
        position = 0
        try:
            while True:
                # A length that leads beyond the end raises IndexError here.
                code = content[position]
                position += 1
                # The first four are nearly all of a set's words.
                if code == _MEMOIZE:
                    memo[len(memo)] = stack[-1]
                elif code == _SHORT_TEXT:
                    end = position + 1 + content[position]
                    push(content[position + 1 : end].decode("utf-8", "surrogatepass"))
                    position = end
                elif code == _LONG_GET:
                    push(memo[index_at(content, position)[0]])
                    position += 4
                elif code == _INTEGER:
                    push(integer_at(content, position)[0])
                    position += 4
                elif code in _NUMBERS:
                    number = _NUMBERS[code]
                    push(number.unpack_from(content, position)[0])
                    position += number.size
                elif code in _PLAIN:
                    _PLAIN[code](self)
                elif code in _SIZED:
                    size, take = _SIZED[code]
                    start = position + size.size
                    position = start + size.unpack_from(content, position)[0]
                    take(self, view[start:position])
                elif code in _NUMBERED:
                    index, use = _NUMBERED[code]
                    use(self, index.unpack_from(content, position)[0])
                    position += index.size
                elif code == _GLOBAL:
                    end = content.index(b"\n", content.index(b"\n", position) + 1)
                    push(Name(".".join(content[position:end].decode().split("\n"))))
                    position = end + 1
                elif code == _STOP:
                    return stack[-1]
                else:
                    raise ValueError(f"there is no operation {code:#x}")
        finally:
            self.position = position

    def pop_to_mark(self) -> list[Any]:
        """Take what was pushed since the last mark."""
        height = self.marks.pop()
        items = self.stack[height:]
        del self.stack[height:]
        return items

    def forget_to_mark(self) -> None:
        self.pop_to_mark()

    def put_items(self, items: list[Any]) -> None:
        """Set keys and values, one after the other, in the dict on top of the stack."""
        target, keys, values = self.stack[-1], items[::2], items[1::2]
        if type(target) is not dict:
            return  # in the place of an object of another kind
        if set(map(type, keys)) <= _KEYS:
            target.update(zip(keys, values, strict=True))
        else:
            pairs = zip(keys, values, strict=True)
            target.update(pair for pair in pairs if type(pair[0]) in _KEYS)

    def append(self, items: list[Any]) -> None:
        """Append to the list on top of the stack."""
        if type(self.stack[-1]) is list:
            self.stack[-1].extend(items)

    def make(self, arguments: Any, called: Any) -> None:
        if not isinstance(called, Name) or type(arguments) is not tuple:
            raise ValueError("a call of something without a name")
        self.stack.append(Made(called.name, arguments))

    def make_with_names(self) -> None:
        self.stack.pop()  # the arguments with names
        self.make(self.stack.pop(), self.stack.pop())

    def build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Made):
            raise ValueError("a state of something that holds none")
        self.stack[-1].state = state

    def name(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise ValueError("a name that is no text")
        self.stack.append(Name(f"{module}.{name}"))

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_text(self, data: memoryview) -> None:
        self.stack.append(str(data, "utf-8", "surrogatepass"))

    def push_integer(self, data: memoryview) -> None:
        self.stack.append(int.from_bytes(data, "little", signed=True))

    def push_last(self, n: int) -> None:
        """Put the last `n` into a tuple."""
        items = tuple(self.stack[-n:])
        if len(items) < n:
            raise ValueError("the stack is empty")
        self.stack[-n:] = [items]

    def push_memo(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def memorise(self, index: int) -> None:
        self.memo[index] = self.stack[-1]


_U1, _U2, _U4, _U8, _I4 = (struct.Struct(f"<{letter}") for letter in "BHIQi")
# The names are those of Python's module pickletools, in shorter words.
_MEMOIZE, _SHORT_TEXT, _LONG_GET, _INTEGER = 0x94, 0x8C, ord("j"), ord("J")
_GLOBAL, _STOP = ord("c"), ord(".")
_NUMBERS = {ord("K"): _U1, ord("M"): _U2, ord("G"): struct.Struct(">d")}
# Operations with a length and that many bytes.
_SIZED: dict[int, tuple[struct.Struct, Callable[[_Program, memoryview], None]]] = {
    ord("X"): (_U4, _Program.push_text),
    0x8D: (_U8, _Program.push_text),
    ord("C"): (_U1, _Program.push),
    ord("B"): (_U4, _Program.push),
    0x8E: (_U8, _Program.push),
    0x96: (_U8, _Program.push),
    0x8A: (_U1, _Program.push_integer),
    0x8B: (_U4, _Program.push_integer),
}
# Operations with a number.
_NUMBERED: dict[int, tuple[struct.Struct, Callable[[_Program, int], None]]] = {
    0x80: (_U1, lambda _program, _protocol: None),
    0x95: (_U8, lambda _program, _frame: None),
    ord("h"): (_U1, _Program.push_memo),
    ord("q"): (_U1, _Program.memorise),
    ord("r"): (_U4, _Program.memorise),
}
# Operations without anything.
_PLAIN: dict[int, Callable[[_Program], None]] = {
    ord("("): lambda program: program.marks.append(len(program.stack)),
    ord("N"): lambda program: program.push(None),
    0x88: lambda program: program.push(True),
    0x89: lambda program: program.push(False),
    ord("]"): lambda program: program.push([]),
    ord("}"): lambda program: program.push({}),
    ord(")"): lambda program: program.push(()),
    0x8F: lambda program: program.push(Made("builtins.set", ())),
    ord("a"): lambda program: program.append([program.stack.pop()]),
    ord("e"): lambda program: program.append(program.pop_to_mark()),
    ord("s"): lambda program: program.put_items([program.stack.pop(), program.stack.pop()][::-1]),
    ord("u"): lambda program: program.put_items(program.pop_to_mark()),
    ord("t"): lambda program: program.push(tuple(program.pop_to_mark())),
    0x85: lambda program: program.push_last(1),
    0x86: lambda program: program.push_last(2),
    0x87: lambda program: program.push_last(3),
    0x90: lambda program: program.append(program.pop_to_mark()),
    0x91: lambda program: program.push(Made("builtins.frozenset", tuple(program.pop_to_mark()))),
    ord("0"): lambda program: program.stack.pop(),
    ord("1"): _Program.forget_to_mark,
    ord("R"): lambda program: program.make(program.stack.pop(), program.stack.pop()),
    0x81: lambda program: program.make(program.stack.pop(), program.stack.pop()),
    0x92: _Program.make_with_names,
    ord("b"): _Program.build,
    0x93: _Program.name,
}
