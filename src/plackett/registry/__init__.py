"""Objects by name, their configs, and what their options may be. Internal: it may change in any release."""

from plackett.registry.configs import Configured
from plackett.registry.names import PACKAGE, check_name, made, registered, snake_case

__all__ = ["PACKAGE", "Configured", "check_name", "made", "registered", "snake_case"]
