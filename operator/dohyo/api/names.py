"""What names of objects may look like; without a library, as the command line needs it at once."""

from __future__ import annotations

import re
from typing import Any, Final

DNS_LABEL: Final = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
# A Service bears the ModelDeployment's name, and a Service's name begins with a letter.
SERVICE_NAME: Final = "[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
# What is wrong with a namespace that is none, and the way out.
NO_NAMESPACE: Final = ("is no namespace", "use at most 63 lower-case letters, digits and '-'")


def is_namespace(value: Any) -> bool:
    """Whether a namespace can have that name."""
    return isinstance(value, str) and re.fullmatch(DNS_LABEL, value) is not None
