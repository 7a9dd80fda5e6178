"""Objects by name, their configs, and the checks of their options. Internal: it may change in any release.

Importing this package does not import Keras; only some calls do.
"""

from plackett.registry.configs import Configured
from plackett.registry.names import PACKAGE, check_known, classes_by_name, make, register, snake_case
from plackett.registry.options import check_options

__all__ = [
    "PACKAGE",
    "Configured",
    "check_known",
    "check_options",
    "classes_by_name",
    "make",
    "register",
    "snake_case",
]
