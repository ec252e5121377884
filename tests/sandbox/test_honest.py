"""Rules as different authors write them. All must run in the jail: a jail that is too tight is not used."""

from __future__ import annotations

import pytest
from logisight.sandbox import Check, Outcome, ProcessJail, inspect_code
from logisight.scene import Scene

HONEST = {
    "grid of pins": """
def check(scene):
    for cell in scene.grid(rows=3, columns=5, within="box"):
        pins = cell.parts("pin")
        expect(
            len(pins) == 1,
            kind="quantity",
            reason=f"compartment row {cell.row} column {cell.column} holds {len(pins)} pins instead of 1",
            expected=1, actual=len(pins), parts=pins or [cell],
        )
""",
    "counts in a dict": '''
"""The right number of everything."""
WANTED = {"pin": 15, "clamp": 2, "cable": 1, "washer": 0}

def check(scene):
    counts = {}
    for label in scene.labels:
        counts[label] = 0
        for part in scene.parts(label):
            counts[part.label] += 1
    for label, wanted in WANTED.items():
        expect(counts[label] == wanted, "quantity", f"{counts[label]} x {label}, not {wanted}",
               wanted, counts[label])
''',
    "typed helpers": '''
from_left: bool = True

def nearest(part: "Part", others: "list[Part]") -> "Part | None":
    """The nearest of the others, or None."""
    best = None
    best_gap: float = float("inf")
    for other in others:
        gap = part.distance(other)
        if other != part and gap < best_gap:
            best, best_gap = other, gap
    return best

def check(scene: "Scene") -> None:
    pins = scene.parts("pin")
    for pin in pins:
        other = nearest(pin, pins)
        if other is None:
            continue
        gap = round(pin.distance(other), 1)
        expect(gap > 20, kind="position", reason=f"pins are {gap} px apart", expected=(20, 1000), actual=gap)
''',
    "sorted with key": """
def check(scene):
    clamps = sorted(scene.parts("clamp"), key=lambda c: c.center[0])
    left, right = clamps
    expect(left.left_of(right), "position", "clamps stand side by side", parts=[left, right])
    expect(left.color == right.color, "matching", f"clamps are {left.color} and {right.color}",
           expected=left.color, actual=right.color, parts=clamps)
""",
    "early return": """
def check(scene):
    cables = scene.parts("cable")
    if len(cables) != 1:
        expect(False, "quantity", f"expected one cable, saw {len(cables)}", expected=1, actual=len(cables))
        return
    cable = cables[0]
    (x0, y0), (x1, y1) = cable.ends
    straight = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    expect(straight / cable.length > 0.8, "size", "the cable is straight",
           actual=round(straight / cable.length, 2))
""",
    "any and all": """
def check(scene):
    pins = scene.parts("pin")
    expect(all(p.color == "yellow" for p in pins), "matching", "all pins are yellow", parts=pins)
    expect(not any(p.touches(q) for p in pins for q in pins if p != q), "position", "no two pins touch")
""",
    "learned range": """
LENGTH = (120.0, 140.5)  # learned from 3 reference pictures

def check(scene):
    cable = scene.part("cable")
    expect(LENGTH[0] <= cable.length <= LENGTH[1], "size", f"cable length {cable.length:.0f} px",
           expected=LENGTH, actual=cable.length, parts=[cable])
""",
    "connected": """
def check(scene):
    left, right = scene.parts("clamp")
    joined = scene.connected(left, right, via="cable", gap=5)
    expect(joined, kind="position", reason="the cable joins both clamps", parts=[left, right])
    expect(left.mirrors(right), kind="matching", reason="the clamps mirror each other")
""",
    "fill level": """
FILL = (0.3, 0.6)

def check(scene):
    level = scene.fill_level("juice", within="bottle")
    low, high = FILL
    expect(low <= level <= high, "size", f"filled to {level:.0%}", expected=FILL, actual=round(level, 3))
""",
    "if then": """
PAIRS = (("red", "yellow"), ("orange", "blue"))

def check(scene):
    juice = scene.part("juice")
    tag = scene.part("tag")
    for liquid, label in PAIRS:
        if juice.color == liquid:
            expect(tag.color == label, "matching", f"{liquid} juice needs a {label} tag",
                   label, tag.color, [tag])
            break
    else:
        expect(False, "matching", f"unknown juice colour {juice.color}", parts=[juice])
""",
    "regions": """
def check(scene):
    left = scene.region("left half")
    right = scene.region("right half", within=None)
    n_left, n_right = len(left.parts("pin")), len(right.parts("pin"))
    expect(n_left == 15 and n_right == 0, "position", f"{n_left} pins left, {n_right} right",
           parts=[left, right])
    for name in ["top third", "center third", "bottom third"]:
        row = scene.region(name, within="box")
        expect(len(row.parts("pin")) == 5, "quantity", f"{name}: {len(row.parts('pin'))} pins",
               5, len(row.parts("pin")))
""",
    "rows by sorting": """
def rows_of(parts, tolerance=15.0):
    rows = []
    for part in sorted(parts, key=lambda p: (p.center[1], p.center[0])):
        if rows and abs(rows[-1][0].center[1] - part.center[1]) <= tolerance:
            rows[-1].append(part)
        else:
            rows.append([part])
    return rows

def check(scene):
    rows = rows_of(scene.parts("pin"))
    expect(len(rows) == 3, kind="quantity", reason=f"{len(rows)} rows", expected=3, actual=len(rows))
    for i, row in enumerate(rows, start=1):
        xs = [p.center[0] for p in row]
        steps = [b - a for a, b in zip(xs, xs[1:])]
        expect(max(steps) - min(steps) < 5, "position", f"row {i} is evenly spaced: {steps}")
""",
    "group by colour": """
def check(scene):
    by_color = {}
    for label in ("pin", "clamp", "cable"):
        for part in scene.parts(label):
            by_color.setdefault(part.color, []).append(part)
    ordered = sorted(by_color.items(), key=lambda kv: kv[0])
    text = ", ".join(f"{len(parts)} {color}" for color, parts in ordered)
    expect(set(by_color.keys()) <= {"red", "yellow"}, "matching", f"colours: {text}")
""",
    "comprehensions": """
def check(scene):
    areas = {p.area for p in scene.parts("pin")}
    widths = [p.width for p in scene.parts("pin") if p.confidence > 0.5]
    sizes = {i: (p.width, p.height) for i, p in enumerate(scene.parts("pin"))}
    mean = sum(widths) / len(widths)
    expect(len(areas) == 1, "size", "all pins are alike", 1, len(areas))
    expect(all(abs(w - mean) <= 0.1 * mean for w in widths), "size", f"mean width {mean:.2f}", actual=mean)
    expect(len(sizes) == 15, "quantity", "fifteen pins", 15, len(sizes))
""",
    "nested loops over pairs": """
def check(scene):
    pins = scene.parts("pin")
    overlapping = []
    for i in range(len(pins)):
        for j in range(i + 1, len(pins)):
            if pins[i].overlap(pins[j]) > 0.05:
                overlapping.append((i, j))
    expect(len(overlapping) == 0, "position", f"overlapping pairs: {overlapping}", 0, len(overlapping))
""",
    "median by hand": """
def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2

def check(scene):
    heights = [p.height for p in scene.parts("pin")]
    usual_height = median(heights)
    for pin in scene.parts("pin"):
        ratio = pin.height / usual_height
        expect(0.8 <= ratio <= 1.2, "size", f"height ratio {ratio:.2f}", (0.8, 1.2), ratio, [pin])
""",
    "while with index": """
def check(scene):
    pins = scene.parts("pin")
    i = 0
    found = 0
    while i < len(pins):
        if pins[i].thickness >= 11:
            found += 1
        i += 1
    expect(found == len(pins), "size", "all pins are thick enough", len(pins), found)
""",
    "angles": """
MAX_TILT = 5

def tilt(part):
    angle = abs(part.angle)
    return min(angle, 90 - angle)

def check(scene):
    worst = max(scene.parts("pin"), key=tilt)
    expect(tilt(worst) <= MAX_TILT, "position", f"worst tilt {tilt(worst):.1f} degrees",
           (0, MAX_TILT), tilt(worst), [worst])
""",
    "lab colours": """
TARGET = (48.0, 66.0, 45.0)

def colour_distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b)) ** 0.5

def check(scene):
    for clamp in scene.parts("clamp"):
        delta = colour_distance(clamp.lab, TARGET)
        expect(delta < 10, kind="matching", reason=f"colour differs by {delta:.1f}",
               expected=(0, 10), actual=delta)
""",
    "messages built up": """
def check(scene):
    problems = []
    if len(scene.parts("clamp")) != 2:
        problems.append("clamps")
    if not scene.parts("cable"):
        problems += ["cable"]
    message = "missing: " + ", ".join(problems) if problems else "complete"
    expect(not problems, kind="quantity", reason=message.upper().strip())
""",
    "ternaries and chained comparisons": """
def check(scene):
    box = scene.part("box")
    x0, y0, x1, y1 = box.box
    width, height = scene.size
    expect(0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height, "position", "the box is in the picture")
    side = "left" if box.center[0] < width / 2 else "right"
    expect(side == "left", "position", f"the box is on the {side}", expected="left", actual=side)
""",
    "helper that expects": '''
def expect_count(scene, label, wanted):
    """Expect an exact number of one label."""
    found = len(scene.parts(label))
    expect(found == wanted, kind="quantity", reason=f"expected {wanted} x {label}, found {found}",
           expected=wanted, actual=found, parts=scene.parts(label))

def check(scene):
    for label, wanted in (("pin", 15), ("clamp", 2), ("washer", 0)):
        expect_count(scene, label, wanted)
    return
''',
    "relations": """
def check(scene):
    tag, juice, bottle = scene.part("tag"), scene.part("juice"), scene.part("bottle")
    expect(tag.above(juice), "position", "the tag is above the juice", parts=[tag, juice])
    expect(juice.below(tag), "position", "the juice is below the tag")
    expect(tag.inside(bottle) and juice.inside(bottle, share=0.95), "position", "both are in the bottle")
    expect(abs(tag.center[0] - bottle.center[0]) < 0.1 * bottle.width, "position", "the tag is centred")
    expect(bottle.right_of(scene.part("box")), "position", "the bottle is right of the box")
""",
    "sets and tuples": """
EXPECTED_LABELS = ("box", "pin", "clamp", "cable")

def check(scene):
    seen = set(label for label in scene.labels if len(scene.parts(label)) > 0)
    missing = set(EXPECTED_LABELS) - seen
    expect(missing == set(), "quantity", f"missing: {sorted(missing)}" if missing else "nothing is missing")
    first, *rest = EXPECTED_LABELS
    expect(first in seen and len(rest) == 3, "quantity", "the box is there")
""",
    "closures and default arguments": """
def check(scene):
    limits = {"pin": (200, 300), "clamp": (2000, 3000)}
    def within(value, low=0, high=1):
        return low <= value <= high
    for label in limits:
        low, high = limits[label]
        for part in scene.parts(label):
            expect(within(part.area, low=low, high=high), "size", f"{label}: {part.area:.0f} px²",
                   (low, high), part.area)
""",
    "list.sort and slicing": """
def check(scene):
    pins = scene.parts("pin")
    pins.sort(key=lambda pin: pin.area, reverse=True)
    top3 = pins[:3]
    rest = pins[3:]
    expect(top3[-1].area >= max(p.area for p in rest), "size", "the three largest come first", parts=top3)
    expect([p.area for p in pins[::-1]] == sorted(p.area for p in pins), "size", "and backwards")
""",
    "matrix of lists": """
def check(scene):
    table = [[0] * 5 for _ in range(3)]
    for cell in scene.grid(3, 5, "box"):
        table[cell.row - 1][cell.column - 1] += len(cell.parts("pin"))
    columns = list(zip(*table))
    expect(all(sum(column) == 3 for column in columns), "quantity",
           f"pins a column: {[sum(c) for c in columns]}")
    expect(sum(map_row[0] for map_row in table) == 3, "quantity", "first column is full")
""",
    "names and texts in other languages": """
def prüfe(stifte: list, größe=15) -> bool:
    return len(stifte) == größe

def check(scene):
    winkel = max(abs(stift.angle) for stift in scene.parts("pin"))
    expect(prüfe(scene.parts("pin")), "quantity", f"Anzahl, Winkel {winkel:.0f}\\N{DEGREE SIGN}")
""",
    "escapes that only warn": """
def check(scene):
    expect(len("\\d") == 2, "size", "fine \\d")
""",
    "percent and rounding": """
def check(scene):
    box, bottle = scene.part("box"), scene.part("bottle")
    share = 100 * bottle.area / box.area
    expect(int(share) == 16, "size", f"the bottle covers {share:.1f}% of the box's area ({round(share)} %)",
           16, int(share))
    parity = scene.size[0] % 2 == 0
    expect(parity, "size", "the width is even", True, parity)
""",
}


@pytest.fixture(scope="module")
def outcomes(jail: ProcessJail, scene: Scene) -> dict[str, Outcome]:
    checks = [Check(number, code) for number, code in enumerate(HONEST.values())]
    return dict(zip(HONEST, jail.run(checks, scene), strict=True))


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("name", HONEST)
def test_honest_rule_runs_and_holds(name: str, outcomes: dict[str, Outcome]) -> None:
    assert inspect_code(HONEST[name]) == []
    outcome = outcomes[name]
    assert outcome.status == "ok", outcome.message
    assert all(made.passed for made in outcome.expectations), outcome.expectations
