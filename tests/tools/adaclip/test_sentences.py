"""What AdaCLIP says of a thing, and how it is laid out."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.detectors.adaclip.sentences import NORMAL_SENTENCES, layout, sentences


def test_sentences_come_in_the_published_order():
    said = sentences("metal_nut")
    assert (len(said), NORMAL_SENTENCES) == (48, 28)
    assert said[:2] == ["a bad photo of a metal_nut.", "a low resolution photo of the metal_nut."]
    assert said[27] == "a cropped photo of the metal_nut without damage."
    assert said[28] == "a bad photo of a damaged metal_nut."
    assert said[-1] == "a cropped photo of the metal_nut with damage."


def test_hyphens_become_spaces_and_braces_stay():
    assert sentences("cable-gland {0}")[0] == "a bad photo of a cable gland {0}."


class TestLayout:
    @pytest.fixture(autouse=True)
    def _open_clip(self):
        pytest.importorskip("open_clip", reason="needs logisight[vision]")

    def test_what_is_shared_stands_once(self):
        whole, packed = layout("bottle", 1), layout("bottle", 6)
        assert np.array_equal(whole.tokens, packed.tokens)
        assert len(whole.rows) - len(packed.rows) == 5 * 47

    def test_each_place_sees_its_own_sentence_up_to_itself(self):
        laid = layout("bottle", 6)
        width = laid.tokens.shape[1]
        for place, row in enumerate(laid.rows):
            seen = laid.rows[laid.mask[place]]
            sentence, position = divmod(row, width)
            expected = [*range(min(position + 1, 6)), *(sentence * width + p for p in range(6, position + 1))]
            assert sorted(seen) == sorted(expected)

    def test_sentences_end_in_the_last_token(self):
        for shared in (1, 6, 30):
            laid = layout("bottle", shared)
            ends = laid.tokens.flatten()[laid.rows[laid.ends]] if shared < 30 else laid.tokens.max(axis=1)
            assert (ends == 49407).all()

    def test_a_name_too_long_for_the_text_tower_is_refused(self):
        layout("a " * 50, 6)
        with pytest.raises(DetectorError, match="too long a name"):
            layout("a " * 80, 6)
