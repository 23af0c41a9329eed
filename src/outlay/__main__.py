"""`python -m outlay` is the `outlay` command."""

from outlay.cli import main

if __name__ == "__main__":
    main()
