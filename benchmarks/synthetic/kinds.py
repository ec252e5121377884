"""Every type of defect of the five products, and how often each occurs in MVTec LOCO AD.

Pixel values, thresholds and names are those of the data set's `defects_config.json`; how many pictures show
each is counted from public per-picture statistics. A threshold in pixels is for the data set's picture size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..loco import DefectType


class Defect(NamedTuple):
    """One type of defect."""

    name: str
    value: int
    """Pixel value of its channels."""
    threshold: float
    """Saturation: pixels of the data set's pictures where above 1, else a share of the channel."""


class Mix(NamedTuple):
    """Pictures that show the same defects."""

    names: tuple[str, ...]
    share: int
    """Of how many pictures of the data set."""


class Kinds(NamedTuple):
    """What can be wrong with a product."""

    official_size: tuple[int, int]
    defects: tuple[Defect, ...]
    logical: tuple[Mix, ...]
    structural: tuple[Mix, ...]

    def config(self, size: tuple[int, int]) -> list[DefectType]:
        """Entries of `defects_config.json` for pictures of another size: pixels scaled with the area."""
        factor = size[0] * size[1] / (self.official_size[0] * self.official_size[1])
        return [
            DefectType(
                defect_name=defect.name,
                pixel_value=defect.value,
                saturation_threshold=(
                    max(1, round(defect.threshold * factor)) if defect.threshold > 1 else defect.threshold
                ),
                relative_saturation=defect.threshold <= 1,
            )
            for defect in self.defects
        ]


def apportioned(mixes: Sequence[Mix], count: int) -> list[Mix]:
    """`count` mixes in the proportions of their shares, grouped; each at least once where `count` allows.

    Largest remainders decide (Hamilton's method).

    Example:
        >>> mixes = [Mix(("a",), 8), Mix(("b",), 2)]
        >>> [mix.names[0] for mix in apportioned(mixes, 5)]
        ['a', 'a', 'a', 'a', 'b']
    """
    total = sum(mix.share for mix in mixes)
    least = 1 if count >= len(mixes) else 0
    exact = [mix.share * count / total for mix in mixes]
    numbers = [max(int(share), least) for share in exact]
    by_remainder = sorted(range(len(mixes)), key=lambda k: (numbers[k] - exact[k], k))
    for place in range(max(0, count - sum(numbers))):
        numbers[by_remainder[place % len(mixes)]] += 1
    while sum(numbers) > count:
        spare = [k for k, number in enumerate(numbers) if number > least]
        largest = max(spare, key=lambda k: numbers[k] - exact[k])
        numbers[largest] -= 1
    return [mix for mix, number in zip(mixes, numbers, strict=True) for _ in range(number)]


def _mix(text: str) -> tuple[Mix, ...]:
    """`a 3, b+c 2` as mixes."""
    pairs = (item.rsplit(" ", 1) for item in text.replace("\n", " ").split(", "))
    return tuple(Mix(tuple(names.strip().split("+")), int(share)) for names, share in pairs)


def _defects(text: str) -> tuple[Defect, ...]:
    """`a 255, b 254 6300` as defects; no threshold is the whole channel."""
    fields = (item.split() for item in text.replace("\n", " ").split(", "))
    return tuple(Defect(name, int(value), float(rest[0]) if rest else 1.0) for name, value, *rest in fields)


KINDS: dict[str, Kinds] = {
    "breakfast_box": Kinds(
        (1600, 1280),
        _defects(
            "missing_almonds 255, missing_bananas 254, missing_toppings 253, missing_cereals 252, "
            "missing_cereals_and_toppings 251, 2_nectarines_1_tangerine 250 100100, "
            "1_nectarine_1_tangerine 249 84300, 0_nectarines_2_tangerines 248 100100, "
            "0_nectarines_3_tangerines 247 100100, 3_nectarines_0_tangerines 246 200200, "
            "0_nectarines_1_tangerine 245 184400, 0_nectarines_0_tangerines 244 268700, "
            "0_nectarines_4_tangerines 243 168600, compartments_swapped 242, overflow 241, underflow 240, "
            "wrong_ratio 239, mixed_cereals 238, fruit_damaged 237, box_damaged 236, toppings_crushed 235, "
            "contamination 234"
        ),
        _mix(
            "missing_almonds 11, missing_bananas 11, missing_toppings 7, missing_cereals 8, "
            "missing_cereals_and_toppings 4, 2_nectarines_1_tangerine 3, 1_nectarine_1_tangerine 2, "
            "0_nectarines_2_tangerines 2, 0_nectarines_3_tangerines 3, 3_nectarines_0_tangerines 3, "
            "0_nectarines_1_tangerine 2, 0_nectarines_0_tangerines 2, 0_nectarines_4_tangerines 2, "
            "compartments_swapped 3, overflow 4, underflow 4, wrong_ratio 12"
        ),
        _mix("mixed_cereals 8, fruit_damaged 31, box_damaged 4, toppings_crushed 7, contamination 40"),
    ),
    "juice_bottle": Kinds(
        (800, 1600),
        _defects(
            "missing_top_label 255 70400, missing_bottom_label 254 32700, swapped_labels 253 140800, "
            "misplaced_label_top 250 70400, misplaced_label_bottom 249 32700, empty_bottle 247, "
            "wrong_fill_level_too_much 246, wrong_fill_level_not_enough 245, misplaced_fruit_icon 244, "
            "missing_fruit_icon 243, wrong_juice_type 240 4500, damaged_label 252, rotated_label 251, "
            "label_text_incomplete 248, unknown_fruit_icon 242, incomplete_fruit_icon 241, juice_color 239, "
            "contamination 238"
        ),
        _mix(
            "missing_top_label 12, missing_bottom_label 12, missing_top_label+missing_bottom_label 12, "
            "swapped_labels 12, misplaced_label_top 5, misplaced_label_bottom 4, empty_bottle 12, "
            "wrong_fill_level_too_much 12, wrong_fill_level_not_enough 24, misplaced_fruit_icon 10, "
            "missing_fruit_icon 5, wrong_juice_type 22"
        ),
        _mix(
            "damaged_label 21, rotated_label 9, label_text_incomplete 6, unknown_fruit_icon 6, "
            "incomplete_fruit_icon 11, juice_color 14, contamination 27"
        ),
    ),
    "pushpins": Kinds(
        (1700, 1000),
        _defects(
            "1_additional_pushpin 255 6300, 2_additional_pushpins 254 12600, missing_pushpin 253 6300, "
            "missing_separator 252, front_bent 251, broken 250, color 249, contamination 248"
        ),
        _mix(
            "1_additional_pushpin 25, 2_additional_pushpins 6, missing_pushpin 36, missing_separator 13, "
            "1_additional_pushpin+missing_pushpin 11"
        ),
        _mix("front_bent 16, broken 29, color 16, contamination 20"),
    ),
    "screw_bag": Kinds(
        (1600, 1100),
        _defects(
            "screw_too_long 255 9000, screw_too_short 254 9000, 1_very_short_screw 253, "
            "2_very_short_screws 252 18000, 1_additional_long_screw 251 29600, "
            "1_additional_short_screw 250 20600, 1_additional_nut 249 7500, 2_additional_nuts 248 15000, "
            "1_additional_washer 247 5500, 2_additional_washers 246 11000, 1_missing_long_screw 245 29600, "
            "1_missing_short_screw 244 20600, 1_missing_nut 243 7500, 2_missing_nuts 242 15000, "
            "1_missing_washer 241 5500, 2_missing_washers 240 11000, bag_broken 239, color 238, "
            "contamination 237, part_broken 236"
        ),
        _mix(
            "screw_too_long 21, screw_too_short 20, 1_very_short_screw 17, 2_very_short_screws 7, "
            "1_additional_long_screw 6, 1_additional_short_screw 6, 1_additional_nut 6, "
            "1_additional_washer 6, 1_missing_long_screw 6, 1_missing_short_screw 6, 1_missing_nut 6, "
            "1_missing_washer 6, 1_additional_nut+1_missing_washer 6, 1_additional_washer+1_missing_nut 6, "
            "2_additional_nuts+2_missing_washers 6, 2_additional_washers+2_missing_nuts 6"
        ),
        _mix("bag_broken 16, color 16, contamination 25, part_broken 25"),
    ),
    "splicing_connectors": Kinds(
        (1700, 850),
        _defects(
            "wrong_connector_type_5_2 255 67100, wrong_connector_type_5_3 254 44300, "
            "wrong_connector_type_3_2 253 22100, cable_too_short_T2 252 53300, cable_too_short_T3 251 76100, "
            "cable_too_short_T5 250 120000, missing_connector 249, missing_connector_and_cable 248 103600, "
            "missing_cable 247 18000, extra_cable 246 0.5, cable_color 245 18000, broken_cable 244, "
            "cable_cut 243, cable_not_plugged 242, unknown_cable_color 241, wrong_cable_location 240 18000, "
            "flipped_connector 239, broken_connector 238, open_lever 237, color 236, contamination 235"
        ),
        _mix(
            "wrong_connector_type_5_2 4, wrong_connector_type_5_3 2, wrong_connector_type_3_2 3, "
            "cable_too_short_T2 4, cable_too_short_T3 4, cable_too_short_T5 4, missing_connector 12, "
            "missing_connector_and_cable 2, missing_cable 12, extra_cable 12, cable_color 12, cable_cut 12, "
            "wrong_cable_location 25"
        ),
        _mix(
            "broken_cable 12, cable_not_plugged 9, unknown_cable_color 6, flipped_connector 12, "
            "broken_connector 12, open_lever 12, color 11, contamination 11"
        ),
    ),
}
