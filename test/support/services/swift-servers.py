# OpenStack Swift in one process: its rings, then all its servers, each with its configuration and on a port of its own.
# Usage: swift-servers.py folder part=port ...
import sys

from swift.common import utils

utils.eventlet_monkey_patch()

import eventlet
from eventlet import wsgi
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.utils import NullLogger
from swift.common.wsgi import get_socket, init_request_processor

folder, *parts = sys.argv[1:]
for name, port in (part.split("=") for part in parts):
    here = {"ip": "127.0.0.1", "port": int(port), "replication_ip": "127.0.0.1", "replication_port": int(port)}
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": "", **here})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{name}.ring.gz")

servers = []
for name in ["account", "container", "object", "proxy"]:
    app, conf, _, _ = init_request_processor(f"{folder}/{name}.conf", f"{name}-server")
    # As Swift itself does; clients of S3 want the case of its headers.
    options = {"protocol": SwiftHttpProtocol, "capitalize_response_headers": False}
    servers.append(eventlet.spawn(wsgi.server, get_socket(conf), app, NullLogger(), **options))
for server in servers:
    server.wait()
