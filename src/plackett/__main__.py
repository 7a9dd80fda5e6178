"""`python -m plackett`: the command line."""

from plackett.cli import main

main()
