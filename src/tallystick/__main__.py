"""`python -m tallystick` is the command line, also where no script was installed."""

from tallystick.cli import main

main()
