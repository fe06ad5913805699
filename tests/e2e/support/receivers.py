"""Those who take notifications: an HTTP endpoint that keeps what it is sent, a mail server, Debian's
Alertmanager."""

import email
import email.policy
import http.server
import json
import subprocess
import threading
import urllib.request

import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from .gateway import SLOW
from .ports import free_port
from .wait import until


class Endpoint:
    """Takes POSTs; answers 200, or what `answers` has next: a status, or a status and headers."""

    def __init__(self, port=0, body=b"{}"):
        self.taken, self.answers, self.statuses = [], [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"]))
                answer = outer.answers.pop(0) if outer.answers else 200
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                outer.statuses.append(status)
                if status < 300:
                    outer.taken.append((self.path, dict(self.headers), json.loads(text)))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self, path=None):
        return [body for at, _, body in list(self.taken) if path in (None, at)]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class MailServer:
    """An SMTP relay that asks for a name and a password."""

    def __init__(self, username="gw", password="secret"):
        self.mails = []
        outer = self

        class Handler:
            async def handle_DATA(self, server, session, envelope):
                message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
                outer.mails.append((envelope.mail_from, list(envelope.rcpt_tos), message))
                return "250 taken"

        def authenticator(server, session, envelope, mechanism, data):
            good = data.login.decode() == username and data.password.decode() == password
            return AuthResult(success=good, handled=False)

        self.controller = Controller(Handler(), hostname="127.0.0.1", port=free_port(), authenticator=authenticator,
                                     auth_required=True, auth_require_tls=False)
        self.controller.start()
        self.address = f"127.0.0.1:{self.controller.port}"

    def stop(self):
        self.controller.stop()


class Alertmanager:
    """Debian's, that tells `webhook` of everything."""

    def __init__(self, folder, webhook):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "alertmanager.yml").write_text(yaml.safe_dump({
            "route": {"receiver": "hook", "group_by": ["alertname"], "group_wait": "100ms", "group_interval": "500ms"},
            "receivers": [{"name": "hook", "webhook_configs": [{"url": webhook.url + "/am"}]}]}))
        self.process = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.ready, "Alertmanager is ready", timeout=30 * SLOW, every=0.1)

    def ready(self):
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def alerts(self):
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
