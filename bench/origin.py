"""The origin: nginx with answers of three sizes from memory, on the load generator's side."""
import pathlib

import processes
from proxies.nginx import nginx_binary, user_line

SIZES = {"/": 200, "/16k": 16 << 10, "/1m": 1 << 20}


class Origin:
    def __init__(self, directory: pathlib.Path, cpus):
        self.port = processes.free_port()
        directory.mkdir(parents=True, exist_ok=True)
        for path, size in SIZES.items():
            if path != "/":
                (directory / path[1:]).write_bytes(b"x" * size)
        config = directory / "origin.conf"
        config.write_text(f"""
{user_line()}
daemon off; worker_processes 1; pid {directory}/pid; error_log stderr error;
events {{ worker_connections 16000; multi_accept on; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on; sendfile on;
  open_file_cache max=10;
  client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location = /16k {{ root {directory}; }}
    location = /1m {{ root {directory}; }}
    location / {{ default_type text/plain; return 200 "{"x" * SIZES["/"]}"; }}
  }}
}}
""")
        with open(directory / "output", "wb") as output:
            self.process = processes.start([nginx_binary(), "-c", config, "-p", directory], cpus,
                                           stdout=output, stderr=output)
        try:
            processes.wait_for_answer(self.port, self.process)
        except RuntimeError as error:
            processes.stop(self.process)
            raise RuntimeError(f"origin: {error}: {(directory / 'output').read_text()}") from error

    def stop(self) -> None:
        processes.stop(self.process)
