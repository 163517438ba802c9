import sys

from aiohttp import web
from localstripe import server

from billing.tests.localstripe import additions

additions.install(server.app)
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=lambda *_: None)
