"""`python -m logisight.cli`."""

from . import main

main()
