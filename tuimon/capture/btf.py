"""The running kernel's own description of its structs, read from BTF and turned into offsets for the C sources.

The kernel programs need no kernel headers and no relocations: for every member they read, this module prints
constants (offset, size, type id) taken from ``/sys/kernel/btf/vmlinux``, the format of which is described in the
kernel's Documentation/bpf/btf.rst. Members that moved or were renamed between kernels are listed with their other
names; what is optional is announced by a ``H_`` constant, so that the C sources ask for features, never for versions.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tuimon.errors import CaptureError

VMLINUX: Final = Path("/sys/kernel/btf/vmlinux")
_MAGIC: Final = 0xEB9F
_TRIPLE = struct.Struct("<III")

_PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _TYPEDEF, _FUNC = 2, 3, 4, 5, 6, 8, 12
_MODIFIERS: Final = frozenset({8, 9, 10, 11, 18})  # typedef, volatile, const, restrict, type tag
_PER_ITEM: Final = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
"""Kinds followed by ``vlen`` items of so many bytes: struct, union, enum, function prototype, section, enum64."""
_FIXED: Final = {1: 4, 3: 12, 14: 4, 17: 4}
"""Kinds followed by so many bytes whatever ``vlen`` says: int, array, variable, declaration tag."""


class Btf:
    """Type information of one kernel.

    Args:
        data: The bytes of a BTF file.

    Raises:
        CaptureError: They are not BTF.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < 24 or struct.unpack_from("<H", data)[0] != _MAGIC:
            raise CaptureError("the kernel's type information (BTF) is not readable", "run a kernel with BTF")
        header, type_off, _, str_off, str_len = struct.unpack_from("<IIIII", data, 4)
        type_len = struct.unpack_from("<I", data, 12)[0]
        self._data = data
        self._strings = header + str_off
        self._strings_end = self._strings + str_len
        self._named: dict[int, dict[int, int]] = {_STRUCT: {}, _ENUM: {}, _TYPEDEF: {}, _FUNC: {}}
        """Kind to name offset to type id."""
        self._at = self._index(header + type_off, header + type_off + type_len)

    def _index(self, at: int, end: int) -> list[int]:
        """Return where each type's description begins, and note the named ones; types are numbered from 1."""
        data, triple, offsets, named = self._data, _TRIPLE.unpack_from, [0], self._named
        try:
            while at < end:
                name_off, info, _ = triple(data, at)
                kind = (info >> 24) & 31
                if kind in named:
                    named[kind].setdefault(name_off, len(offsets))
                offsets.append(at)
                at += 12 + (_PER_ITEM[kind] * (info & 0xFFFF) if kind in _PER_ITEM else _FIXED.get(kind, 0))
        except struct.error:
            raise CaptureError("the kernel's type information (BTF) is cut short") from None
        return offsets

    def __len__(self) -> int:
        return len(self._at)

    def _name_offset(self, name: str) -> int:
        """Return where a name stands in the string section, -1 if nowhere. Names are stored once."""
        found = self._data.find(b"\0" + name.encode() + b"\0", self._strings, self._strings_end)
        return found + 1 - self._strings if found >= 0 else -1

    def _name(self, offset: int) -> str:
        at = self._strings + offset
        return self._data[at : self._data.index(b"\0", at)].decode(errors="replace")

    def _ids(self, names: Sequence[str], kind: int) -> dict[str, int]:
        """Return the type ids of the names that exist as one kind; forward declarations are a kind of their own."""
        by_name = self._named[kind]
        found = ((name, by_name.get(self._name_offset(name))) for name in names)
        return {name: type_id for name, type_id in found if type_id is not None}

    def struct_ids(self, names: Sequence[str]) -> dict[str, int]:
        """Return the type ids of structs by name."""
        return self._ids(names, _STRUCT)

    def function_ids(self, names: Sequence[str]) -> dict[str, int]:
        """Return the type ids of kernel functions by name."""
        return self._ids(names, _FUNC)

    def typedef_ids(self, names: Sequence[str]) -> dict[str, int]:
        """Return the type ids of typedefs by name; ``btf_trace_NAME`` describes a raw tracepoint."""
        return self._ids(names, _TYPEDEF)

    def arguments(self, typedef: str) -> int:
        """Return how many arguments a pointer to a function has, by the name of its type; 0 when there is none.

        The first of ``btf_trace_NAME`` is the tracepoint's own.
        """
        type_id = self.typedef_ids([typedef]).get(typedef)
        pointed = self._plain(type_id)[2] if type_id is not None else None
        return _TRIPLE.unpack_from(self._data, self._at[pointed])[1] & 0xFFFF if pointed is not None else 0

    def enum_value(self, enum: str, name: str) -> int | None:
        """Return the value of a name of an enum, None when either does not exist."""
        type_id = self._named[_ENUM].get(self._name_offset(enum))
        if type_id is None:
            return None
        at = self._at[type_id]
        wanted = self._name_offset(name)
        for item in range(_TRIPLE.unpack_from(self._data, at)[1] & 0xFFFF):
            name_off, value = struct.unpack_from("<Ii", self._data, at + 12 + 8 * item)
            if name_off == wanted:
                return int(value)
        return None

    def _plain(self, type_id: int) -> tuple[int, int, int]:
        """Return ``(type id, kind, size or type)`` behind typedefs and qualifiers."""
        while True:
            _, info, size = _TRIPLE.unpack_from(self._data, self._at[type_id])
            kind = (info >> 24) & 31
            if kind not in _MODIFIERS:
                return type_id, kind, size
            type_id = size

    def size(self, type_id: int) -> int:
        """Return the size of a type in bytes."""
        plain, kind, size = self._plain(type_id)
        if kind == _PTR:
            return 8
        if kind == _ARRAY:
            item, _, count = _TRIPLE.unpack_from(self._data, self._at[plain] + 12)
            return int(count) * self.size(item)
        return size

    def _members(self, type_id: int, base: int) -> Iterator[tuple[str, int, int]]:
        """Yield ``(name, byte offset, type id)`` of a struct's members, those of anonymous members included."""
        at = self._at[type_id]
        _, info, _ = _TRIPLE.unpack_from(self._data, at)
        has_bitfields = bool(info >> 31)
        for item in range(info & 0xFFFF):
            name_off, member_type, bits = _TRIPLE.unpack_from(self._data, at + 12 + 12 * item)
            offset = base + ((bits & 0xFFFFFF) if has_bitfields else bits) // 8
            if name_off:
                yield self._name(name_off), offset, member_type
                continue
            inner, kind, _ = self._plain(member_type)
            if kind in (_STRUCT, _UNION):
                yield from self._members(inner, offset)

    def member(self, struct_id: int, path: str) -> tuple[int, int] | None:
        """Return ``(offset, size)`` in bytes of a member, None if there is none.

        A path such as ``f_path.dentry`` goes into inner structs, ``regs[3]`` into an array.
        """
        offset, type_id = 0, struct_id
        for part in path.split("."):
            name, _, index = part.rstrip("]").partition("[")
            found = self._named_member(type_id, name)
            if found is None:
                return None
            offset, type_id = offset + found[0], found[1]
            if index:
                plain, kind, _ = self._plain(type_id)
                if kind != _ARRAY:
                    return None
                type_id = _TRIPLE.unpack_from(self._data, self._at[plain] + 12)[0]
                offset += int(index) * self.size(type_id)
        return offset, self.size(type_id)

    def _named_member(self, type_id: int, name: str) -> tuple[int, int] | None:
        """Return ``(offset, type id)`` of one member of a struct or union, None if it has none of that name."""
        plain, kind, _ = self._plain(type_id)
        if kind not in (_STRUCT, _UNION):
            return None
        return next(((at, member) for found, at, member in self._members(plain, 0) if found == name), None)


def read_btf(path: Path = VMLINUX) -> Btf:
    """Read the running kernel's BTF (about 0.13 s).

    Raises:
        CaptureError: There is none.
    """
    try:
        data = path.read_bytes()
    except OSError:
        hint = "run a kernel built with CONFIG_DEBUG_INFO_BTF=y (every current distribution's is)"
        raise CaptureError(f"this kernel describes no types: {path} is missing", hint) from None
    return Btf(data)


def offsets_header(btf: Btf, wanted: Mapping[str, Sequence[str]]) -> str:
    """Return C constants for the struct members that the kernel programs read.

    Each entry of ``wanted`` is ``member`` or ``alias=first|second``; a trailing ``?`` makes it optional. A struct whose
    name ends in ``?`` may be missing as a whole. Printed per member: ``O_struct_alias`` (offset), ``Z_struct_alias``
    (bytes to read, at most 8), ``W_struct_alias`` (the same as the name of a type) and ``H_struct_alias`` (whether this
    kernel has it); per struct ``B_struct`` (type id) and ``S_struct`` (size).

    Raises:
        CaptureError: A member that is not optional does not exist in this kernel.
    """
    ids = btf.struct_ids([name.rstrip("?") for name in wanted])
    lines: list[str] = []
    for key, members in wanted.items():
        name, struct_optional = key.rstrip("?"), key.endswith("?")
        struct_id = ids.get(name)
        if struct_id is None and not struct_optional:
            raise CaptureError(
                f"this kernel has no struct {name}", "tuimon does not know this kernel: please report it"
            )
        lines.append(f"#define B_{name} {struct_id or 0}")
        lines.append(f"#define S_{name} {btf.size(struct_id) if struct_id else 0}")
        for member in members:
            lines += _member_lines(btf, name, struct_id, member, struct_optional)
    return "\n".join(lines) + "\n"


def _member_lines(btf: Btf, name: str, struct_id: int | None, member: str, struct_optional: bool) -> list[str]:
    """Return the constants of one member."""
    text, optional = member.rstrip("?"), struct_optional or member.endswith("?")
    alias, _, alternatives = text.partition("=")
    label = f"{name}_{alias.replace('.', '_')}"
    for path in (alternatives or alias).split("|"):
        found = btf.member(struct_id, path) if struct_id else None
        if found is not None:
            offset, size = found
            return _constants(label, 1, offset, size)
    if not optional:
        hint = "tuimon does not know this kernel: please report it"
        raise CaptureError(f"this kernel's struct {name} has no member {alternatives or alias}", hint)
    return _constants(label, 0, 0, 8)


def _constants(label: str, has: int, offset: int, size: int) -> list[str]:
    bits = 8 * size if size in (1, 2, 4) else 64
    return [
        f"#define H_{label} {has}",
        f"#define O_{label} {offset}",
        f"#define Z_{label} {min(size, 8)}",
        f'#define W_{label} "u{bits}"',
    ]
