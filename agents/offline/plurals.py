"""English plurals of labels, regular and irregular."""

from __future__ import annotations

_IRREGULAR = {
    "axis": "axes",
    "bus": "buses",
    "calf": "calves",
    "child": "children",
    "die": "dice",
    "foot": "feet",
    "goose": "geese",
    "half": "halves",
    "hoof": "hooves",
    "index": "indices",
    "knife": "knives",
    "leaf": "leaves",
    "lens": "lenses",
    "life": "lives",
    "loaf": "loaves",
    "man": "men",
    "matrix": "matrices",
    "mouse": "mice",
    "person": "people",
    "quiz": "quizzes",
    "radius": "radii",
    "scarf": "scarves",
    "self": "selves",
    "shelf": "shelves",
    "thief": "thieves",
    "tooth": "teeth",
    "vertex": "vertices",
    "wife": "wives",
    "wolf": "wolves",
    "woman": "women",
}
_SINGULAR_OF_IRREGULAR = {many: one for one, many in _IRREGULAR.items()}
_UNCHANGED = {"aircraft", "chassis", "fish", "pliers", "scissors", "series", "sheep", "species", "tweezers"}
_IN_IE = {"brownie", "calorie", "cookie", "movie", "pie", "smoothie", "tie", "zombie"}
_IN_OE = {"hoe", "shoe", "toe"}
_SINGULAR_IN_S = {"alias", "atlas", "bias", "canvas", "christmas", "gas", "iris", "plus", "pancreas"}


def plurals_of(word: str) -> tuple[str, ...]:
    """The plurals that a reader accepts of a singular word, the best first.

    Example:
        >>> [plurals_of(word)[0] for word in ("nut", "box", "battery", "key", "leaf", "lens", "fish")]
        ['nuts', 'boxes', 'batteries', 'keys', 'leaves', 'lenses', 'fish']
    """
    if word in _UNCHANGED:
        return (word,)
    regular = _regular(word)
    if word in _IRREGULAR:
        return tuple(dict.fromkeys([_IRREGULAR[word], regular]))
    if word.endswith("o"):
        # Potatoes but photos: no rule tells, so both are read.
        return (word + "s", word + "es")
    return (regular,)


def singular_of(word: str) -> str:
    """The singular of a plural word; a word that is no plural comes back as it is.

    Example:
        >>> [singular_of(word) for word in ("batteries", "cookies", "dice", "glass", "bus", "juice")]
        ['battery', 'cookie', 'die', 'glass', 'bus', 'juice']
    """
    if word in _SINGULAR_OF_IRREGULAR:
        return _SINGULAR_OF_IRREGULAR[word]
    settled = word in _IRREGULAR or word in _UNCHANGED or word in _SINGULAR_IN_S
    if settled or len(word) < 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word[:-1] in _IN_IE | _IN_OE:
        return word[:-1]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("oes", "ches", "shes", "xes", "sses", "zzes")):
        return word[:-2]
    return word[:-1]


def _regular(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"
