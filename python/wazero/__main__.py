"""python -m wazero is the command wazero."""

import sys

from wazero.cli import main

if __name__ == "__main__":
    sys.argv[0] = "wazero"
    sys.exit(main())
