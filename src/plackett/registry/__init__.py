"""Objects by name, their configs, and what their options may be. Internal: it may change in any release.

Nothing here imports Keras before it is called.
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
