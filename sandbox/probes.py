"""The tries at the machine: which layers stop each of them alone, and what to know of it.

Each runs in a process of its own that is held by some of the layers, see `prover.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from . import attempts
from .attempts import Seen, Target
from .layers import Layer

Role = Literal["child", "book"]
"""What a probe is tried on: a process that runs rules, or one that compiles them."""


@dataclass(frozen=True)
class Probe:
    """One try at the machine."""

    name: str
    attempt: Callable[[Target], bytes | None]
    """Does it; what it found out, if it is about finding out."""
    happened: Callable[[Seen], bool]
    layers: frozenset[Layer]
    """Each of which stops it with all others off."""
    when_root: frozenset[Layer] = frozenset()
    """More that do, for a process that was root."""
    unless_root: frozenset[Layer] = frozenset()
    """More that do, for a process that was not."""
    landlock_abi: int = 0
    """From which ABI on Landlock stops it too; 0: never."""
    grave: bool = True
    """Whether it reaches for something outside of its own process."""
    uses: str = ""
    """What it cannot be tried without: `folder`, `tcp`, `udp`, `abstract` or `named`."""
    needs_root: bool = False
    """Whether only root can do it even with all layers off."""
    book_too: bool = False
    """Whether a process that compiles rules must be held from it as well."""
    first: bool = False
    """Whether it is tried whenever a jail starts, and not by the doctor only."""
    fatal: bool = False
    """Whether seccomp ends the process that tries it."""
    slow: bool = False
    """Whether it takes a second or more."""

    def stoppers(self, *, root: bool, landlock_abi: int) -> frozenset[Layer]:
        """The layers that must stop it alone, on a machine like that."""
        by_user = self.when_root if root else self.unless_root
        by_abi = {Layer.landlock} if 0 < self.landlock_abi <= landlock_abi else set()
        return self.layers | by_user | by_abi


@dataclass(frozen=True)
class Round:
    """Probes to try against one set of layers."""

    layers: Sequence[Layer]
    probes: Mapping[Role, Sequence[str]]
    """What they are tried on -> their names."""
    together: bool = False
    """Whether those that no layer answers by ending their process share one, which is quicker."""


@dataclass(frozen=True)
class Tried:
    """What came of a round."""

    through: Mapping[Role, Sequence[str]] = field(default_factory=dict)
    """Probes that had their effect."""
    untried: Mapping[str, str] = field(default_factory=dict)
    """Probe -> why there is nothing here to try it on."""
    error: str = ""
    """Why the layers could not be put on, if so."""

    @property
    def names(self) -> list[str]:
        """For people: what came through, and of that which a process that compiles rules alone could do."""
        of_child = self.through.get("child", ())
        of_book = [name for name in self.through.get("book", ()) if name not in of_child]
        return [*of_child, *(f"{name} (while compiling)" for name in of_book)]

    @property
    def grave(self) -> bool:
        """Whether code of a rule reached something outside of its own process.

        What only a process that compiles could do is not: it never runs a rule, and is held by fewer layers.
        """
        return any(BY_NAME[name].grave for name in self.through.get("child", ()))


_NO_FILES: Final = frozenset({Layer.descriptors, Layer.landlock, Layer.seccomp})
_NO_SOCKETS: Final = frozenset({Layer.descriptors, Layer.seccomp})
_NO_CALL: Final = frozenset({Layer.seccomp})
_NOT_ROOT: Final = frozenset({Layer.user})
_NO_RIGHTS: Final = frozenset({Layer.user, Layer.privileges})

PROBES: Final = (
    Probe(
        "read a file",
        lambda at: attempts.read(at, "secret"),
        attempts.found_secret,
        _NO_FILES,
        book_too=True,
        uses="folder",
        first=True,
    ),
    Probe(
        "create a file",
        attempts.write,
        attempts.exists("written"),
        _NO_FILES,
        book_too=True,
        uses="folder",
        first=True,
    ),
    Probe(
        "empty a file",
        attempts.empty,
        attempts.emptied,
        _NO_CALL,
        landlock_abi=3,
        book_too=True,
        uses="folder",
        first=True,
    ),
    Probe(
        "delete a file",
        attempts.delete,
        attempts.deleted,
        _NO_CALL | {Layer.landlock},
        book_too=True,
        uses="folder",
    ),
    Probe(
        "change the mode of a file",
        attempts.change_mode,
        attempts.mode_changed,
        _NO_CALL,
        when_root=_NOT_ROOT,
        grave=False,
        book_too=True,
        uses="folder",
        first=True,
    ),
    Probe(
        "give a file away",
        attempts.give_away,
        attempts.given_away,
        _NO_CALL,
        when_root=_NO_RIGHTS,
        needs_root=True,
        book_too=True,
        uses="folder",
    ),
    Probe(
        "read what only root may read",
        lambda at: attempts.read(at, "locked"),
        attempts.found_secret,
        _NO_FILES,
        when_root=_NO_RIGHTS,
        needs_root=True,
        book_too=True,
        uses="folder",
    ),
    Probe(
        "gain rights from a program",
        attempts.could_gain_rights,
        attempts.found_anything,
        frozenset({Layer.privileges}),
        book_too=True,
    ),
    Probe(
        "start a program",
        attempts.run_program,
        attempts.exists("ran"),
        _NO_CALL | {Layer.landlock},
        book_too=True,
        uses="folder",
        fatal=True,
    ),
    Probe(
        "start a process",
        attempts.fork,
        attempts.found_anything,
        _NO_CALL,
        unless_root=frozenset({Layer.rlimits}),
        fatal=True,
    ),
    Probe(
        "connect by TCP",
        attempts.connect,
        attempts.arrived("tcp"),
        _NO_SOCKETS,
        landlock_abi=4,
        book_too=True,
        uses="tcp",
        fatal=True,
    ),
    Probe(
        "send by UDP",
        attempts.send_datagram,
        attempts.arrived("udp"),
        _NO_SOCKETS,
        landlock_abi=10,
        book_too=True,
        uses="udp",
        fatal=True,
    ),
    Probe(
        "connect to an abstract socket",
        attempts.connect_abstract,
        attempts.arrived("abstract"),
        _NO_SOCKETS,
        landlock_abi=6,
        book_too=True,
        uses="abstract",
        fatal=True,
    ),
    Probe(
        "connect to a named socket",
        attempts.connect_named,
        attempts.arrived("named"),
        _NO_SOCKETS,
        landlock_abi=9,
        book_too=True,
        uses="named",
        fatal=True,
    ),
    Probe(
        "end another process",
        attempts.kill,
        attempts.ended,
        _NO_CALL,
        when_root=_NOT_ROOT,
        landlock_abi=6,
        book_too=True,
        first=True,
        fatal=True,
    ),
    Probe(
        "read another's memory",
        attempts.read_memory,
        attempts.found_secret,
        _NO_CALL | {Layer.landlock},
        when_root=_NO_RIGHTS,
        book_too=True,
        fatal=True,
    ),
    Probe(
        "read another's memory as a file",
        attempts.read_memory_file,
        attempts.found_secret,
        _NO_FILES,
        when_root=_NO_RIGHTS,
        book_too=True,
    ),
    Probe(
        "trace another process",
        attempts.trace,
        attempts.found_secret,
        _NO_CALL | {Layer.landlock},
        when_root=_NO_RIGHTS,
        book_too=True,
        fatal=True,
    ),
    Probe(
        "write to a descriptor left open",
        attempts.leak,
        attempts.arrived("leak"),
        frozenset({Layer.descriptors}),
        first=True,
    ),
    Probe(
        "make a file grow",
        attempts.grow,
        attempts.grown,
        frozenset({Layer.descriptors, Layer.rlimits}),
        first=True,
    ),
    Probe(
        "write to a shared scene",
        attempts.change_scene,
        attempts.scene_changed,
        frozenset({Layer.descriptors, Layer.sealed_memory, Layer.rlimits}),
        first=True,
    ),
    Probe(
        "map a shared scene for writing",
        attempts.map_scene,
        attempts.scene_changed,
        frozenset({Layer.descriptors, Layer.sealed_memory, Layer.seccomp}),
    ),
    Probe(
        "map memory for program code",
        attempts.map_program,
        attempts.found_anything,
        _NO_CALL,
        grave=False,
        book_too=True,
        first=True,
    ),
    Probe(
        "take 512 MB",
        attempts.take_memory,
        attempts.found_anything,
        frozenset({Layer.rlimits}),
        grave=False,
        first=True,
    ),
    Probe(
        "loop for ever",
        attempts.loop,
        attempts.found_anything,
        frozenset({Layer.rlimits}),
        grave=False,
        slow=True,
    ),
)
"""In the order of the doctor's table."""

ENVIRONMENT: Final = Probe(
    "see a variable of the environment",
    attempts.see_environment,
    attempts.found_anything,
    frozenset({Layer.environment}),
)
"""Apart from the others, as it is about the process that started the launcher."""

BY_NAME: Final = {probe.name: probe for probe in (*PROBES, ENVIRONMENT)}
