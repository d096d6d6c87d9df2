"""Mistakes of a stranger's invention, from all parts of the model."""

from .attending import ATTENTION
from .caching import CACHING
from .loading import DRAFTING, LOADING
from .ranking import RANKING
from .routing import ROUTING
from .stream import STREAM
from .turning import TURNING

OWN = [*STREAM, *ATTENTION, *TURNING, *CACHING, *RANKING, *ROUTING, *LOADING, *DRAFTING]
