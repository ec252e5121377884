"""Gives the jail generated texts of rules for as long as one likes.

    python tests/fuzz.py --minutes 10

It ends with how many texts there were and how they ended, or at the first that gets at something; then its
exit code is 1 and the text is printed, made as small as can be.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter

from attack.fuzzing import descriptors, wrong_with
from attack.programs import programs
from attack.whole import Whole
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st


def main() -> None:
    """Run round after round, each with a seed of its own."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=0, help="of the first round")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    counts: Counter[str] = Counter()
    end = time.monotonic() + 60 * chosen.minutes
    number = chosen.seed
    with Whole() as whole:
        wrong_with(whole, [])
        before = descriptors()
        while time.monotonic() < end:
            one_round(whole, number, counts)
            number += 1
        whole.jail.close()
        left = descriptors() - before
    ended = ", ".join(f"{status} {count:,}" for status, count in counts.most_common())
    sys.stdout.write(f"{counts.total():,} texts in {chosen.minutes:g} minutes: {ended}\n")
    sys.stdout.write(f"nothing got through, {max(0, left)} descriptors were left\n")
    sys.stdout.write(f"the next seed is {number}\n")


def one_round(whole: Whole, number: int, counts: Counter[str]) -> None:
    """Some hundred rulebooks of one to three texts."""

    @seed(number)
    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(texts=st.lists(programs(), min_size=1, max_size=3))
    def run(texts: list[str]) -> None:
        assert wrong_with(whole, texts, counts) == []

    run()


if __name__ == "__main__":
    main()
