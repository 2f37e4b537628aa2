"""``python -m xpu_dynamo_event``: whether this machine is fit for use, and why not."""

import sys

from .diagnostics.command import main

if __name__ == "__main__":
    sys.exit(main())
