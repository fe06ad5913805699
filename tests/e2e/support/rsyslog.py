"""A real rsyslogd that writes what it receives to a file, to be killed and started again."""

import re
import shutil
import socket
import subprocess

from .ports import free_port
from .wait import until

RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")


class Rsyslog:
    def __init__(self, folder, kind, certificate=None):
        """kind: udp, tcp, tls or relp; certificate: (authority, pem, key) for tls."""
        self.folder, self.kind, self.port = folder, kind, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.received = folder / "received.log"
        load = {
            "udp": f'module(load="imudp") input(type="imudp" address="127.0.0.1" port="{self.port}" ruleset="keep")',
            "tcp": f'module(load="imtcp") input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="keep")',
            "relp": f'module(load="imrelp" ruleset="keep") input(type="imrelp" address="127.0.0.1" port="{self.port}" maxDataSize="70k")',
        }
        if certificate:
            authority, pem, key = certificate
            load["tls"] = (f'global(defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{authority}" '
                           f'defaultNetstreamDriverCertFile="{pem}" defaultNetstreamDriverKeyFile="{key}")\n'
                           'module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")\n'
                           f'input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="keep")')
        self.config = folder / "rsyslog.conf"
        self.config.write_text(
            f'global(workDirectory="{folder}" maxMessageSize="64k")\n'
            # Synchronous to the end: what is acknowledged is in the file, also when it is killed.
            'main_queue(queue.type="Direct")\n'
            'template(name="raw" type="string" string="%rawmsg%\\n")\n'
            f'ruleset(name="keep" queue.type="Direct") {{ action(type="omfile" file="{self.received}" template="raw" flushOnTXEnd="on") }}\n'
            f"{load[kind]}\n")
        self.process = None

    @property
    def url(self):
        return {"udp": "syslog", "tcp": "syslog+tcp", "tls": "syslog+tls", "relp": "relp"}[self.kind] + f"://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen([RSYSLOGD, "-n", "-f", str(self.config), "-i", str(self.folder / "pid")],
                                        stdout=subprocess.DEVNULL, stderr=open(self.folder / "stderr", "ab"))
        until(self._listens, lambda: f"rsyslogd listens: {(self.folder / 'stderr').read_text()}", timeout=30)
        return self

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "stderr").read_text()
        if self.kind == "udp":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", self.port))
                except OSError:
                    return True
            return False
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        (self.folder / "pid").unlink(missing_ok=True)

    def lines(self, kind):
        """The lines of records or checkpoints received so far, without the syslog header, each once, in order."""
        if not self.received.exists():
            return []
        text = self.received.read_text(errors="replace")
        found = []
        for line in text[:text.rfind("\n")].split("\n"):
            line = line[max(line.rfind("<110>1 "), line.rfind("<108>1 "), 0):]   # behind what a kill left unfinished
            match = re.fullmatch(rf"<\d+>1 \S+ \S+ glassgate \d+ {kind} - (\{{.*\}})", line)
            found += [match[1]] if match else []
        return list(dict.fromkeys(found))
