"""What all processes share of the API keys."""

from dataclasses import dataclass, field

from service.http.keys.publication import Publication
from service.http.keys.rate_limit import RateLimits


@dataclass(frozen=True)
class SharedKeys:
    """Which keys there are, and what may still be asked with each. Given to new processes as an argument."""

    publication: Publication = field(default_factory=Publication)
    limits: RateLimits = field(default_factory=RateLimits)
