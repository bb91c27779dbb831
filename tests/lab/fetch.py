#!/usr/bin/python3
"""Downloads and unpacks the mail servers that cannot be installed beside Postfix, where build/servers lacks them. The
tests do so themselves; but those that have a name server of their own in place of the real one could not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.exim import PACKAGES as EXIM  # noqa: E402
from lab.postfix import unpack  # noqa: E402
from lab.sendmail import PACKAGES as SENDMAIL  # noqa: E402

unpack("exim", EXIM)
unpack("sendmail", SENDMAIL)
