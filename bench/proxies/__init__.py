"""The proxies under test, by name, in the order of the tables."""
from proxies.caddy import Caddy
from proxies.floor import L4, Direct
from proxies.glassgate import Glassgate
from proxies.haproxy import Haproxy
from proxies.nginx import Nginx, NginxLua
from proxies.proxy import FEATURES, ROOT, Proxy, Setup

# Glassgate stands between the two peers that matter most: a ratio is of slices next to each other.
PROXIES: dict[str, type[Proxy]] = {p.name: p for p in (Caddy, NginxLua, Nginx, Glassgate, Haproxy, L4, Direct)}
