"""A proxy that offers the service under a prefix, which it takes off and tells."""

from dataclasses import replace

from bench.door.fronts import FRONTS

_NGINX = FRONTS[0]
UNDER_A_PREFIX = replace(
    _NGINX,
    config=_NGINX.config.replace("location / {{", "location /ml/ {{").replace(
        "proxy_pass http://service;", "proxy_pass http://service/; proxy_set_header X-Forwarded-Prefix /ml;"
    ),
)
