"""Prints which layer of the sandbox stops which attacks alone, as a Markdown table.

python tests/layer_table.py             what the last run of the whole matrix saw
python tests/layer_table.py --classes   the same, with a row for each of the classes of attack
python tests/layer_table.py --run       run it all again, some minutes as root on Linux, and keep it
"""

from __future__ import annotations

import argparse
import json
import sys

from attack.corpus import attacks
from attack.matrix import STORED, holding, stored, table, tried


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--run", action="store_true", help="run every attack against every layer again")
    options.add_argument("--classes", action="store_true", help="a row for each class")
    chosen = options.parse_args()
    if chosen.run:
        pairs = [(attack, layer) for attack in attacks() for layer in tried(attack)]
        held = holding(pairs)
        lines = (f"  {json.dumps(name)}: {json.dumps(layers)}" for name, layers in held.items())
        STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(table(stored(), each_class=chosen.classes))


if __name__ == "__main__":
    main()
