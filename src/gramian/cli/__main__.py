"""`python -m gramian.cli`, where the installed program is not on the path."""

from gramian.cli._app import main

main()
